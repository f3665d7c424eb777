#!/usr/bin/python3
"""Writes the assembly of the mulx ladder step: x25519_mulx_assemble.py [--operations] OUTPUT.cpp

Gives the registers of x25519_mulx_step.py's instructions, in their order, and prints them. With
--operations it prints single field operations instead, for tests.
"""

import sys

import x25519_mulx_step as step

# rdi holds the address of the slots, rdx is mulx's factor.
REGISTERS = ('rax', 'rcx', 'rbx', 'rbp', 'rsi',
             'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15')
CALLEE_SAVED = ('rbx', 'rbp', 'r12', 'r13', 'r14', 'r15')
CALLER_SAVED = ('rax', 'rcx', 'rdx', 'rsi', 'r8', 'r9', 'r10', 'r11')
# How many of an instruction's last operands are written without being read.
WRITTEN = {'mov': 1, 'mulx': 2, 'imul': 1}


def starts_value(instruction):
    """sbb of a register from itself reads the carry flag alone."""
    first, *rest = instruction.operands
    return instruction.mnemonic == 'sbb' and rest == [first]


def split(instruction):
    """The operands that are read and those that are only written."""
    operands = instruction.operands
    if starts_value(instruction):
        return (), operands[:1]
    count = WRITTEN.get(instruction.mnemonic, 0)
    return operands[:len(operands) - count], operands[len(operands) - count:]


def address(slot, base=0):
    return f'{base + 8 * slot}(%rdi)'


class Allocator:
    """Registers for one straight list of instructions: there are enough, nothing is spilled. The
    slots begin `base` bytes behind rdi."""

    def __init__(self, instructions, base):
        self.instructions = instructions
        self.base = base
        self.free = list(REGISTERS)
        self.names = {step.FACTOR: 'rdx'}
        self.last_use = {operand: position for position, instruction in enumerate(instructions)
                         for operand in instruction.operands}

    def release(self, operands, position):
        for operand in dict.fromkeys(operands):
            if (operand is not step.FACTOR and operand in self.names
                    and self.last_use[operand] == position):
                self.free.insert(0, self.names[operand])

    def text(self, operand, narrow):
        if isinstance(operand, int):
            return f'${operand}'
        if isinstance(operand, step.Memory):
            return address(operand.slot, self.base)
        name = self.names[operand]
        if narrow:
            name = f'{name}d' if name[1:].isdigit() else f'e{name[1:]}'
        return f'%{name}'

    def line(self, position, instruction):
        read, written = split(instruction)
        self.release([o for o in read if o not in written], position)
        for operand in written:
            if isinstance(operand, step.Register) and operand not in self.names:
                if not self.free:
                    raise RuntimeError('more values are alive than there are registers')
                self.names[operand] = self.free.pop(0)
        self.release(written, position)
        # Small constants need no 64-bit form.
        narrow = instruction.mnemonic == 'and' or (
            instruction.mnemonic == 'mov' and isinstance(instruction.operands[0], int))
        operands = ', '.join(self.text(o, narrow) for o in instruction.operands)
        suffix = '' if instruction.mnemonic == 'cmovc' else 'lq'[not narrow]
        return f'{instruction.mnemonic}{suffix} {operands}'

    def lines(self):
        return [self.line(*item) for item in enumerate(self.instructions)]


def assemble(program, base=0):
    instructions = [i for i in program.items if isinstance(i, step.Instruction)]
    return Allocator(instructions, base).lines()


PREAMBLE = '''
// {instructions} instructions a round.
__asm__(R"(
    .text
    .p2align 6
    .globl {name}
    .hidden {name}
    .type {name}, @function
{name}:
    .cfi_startproc
    endbr64
'''


def save_registers():
    text = ''
    for i, register in enumerate(CALLEE_SAVED, 1):
        text += (f'    pushq %{register}\n    .cfi_def_cfa_offset {8 * i + 8}\n'
                 f'    .cfi_offset %{register}, {-8 * i - 8}\n')
    return text


def restore_registers():
    """What was secret does not stay in the others."""
    text = ''
    for i, register in reversed(list(enumerate(CALLEE_SAVED, 1))):
        text += (f'    popq %{register}\n    .cfi_restore %{register}\n'
                 f'    .cfi_def_cfa_offset {8 * i}\n')
    for register in CALLER_SAVED:
        name32 = f'{register}d' if register[1:].isdigit() else f'e{register[1:]}'
        text += f'    xorl %{name32}, %{name32}\n'
    return text


def function(name, program):
    """void name(std::uint64_t* slots, std::uint64_t count): the program `count` times."""
    lines = assemble(program)
    counter = address(step.SLOT_COUNT)
    text = PREAMBLE.format(name=name, instructions=len(lines) + 2) + save_registers()
    text += f'    movq %rsi, {counter}\n    .p2align 6\n1:\n'
    text += ''.join(f'    {line}\n' for line in lines)
    text += f'    decq {counter}\n    jnz 1b\n' + restore_registers()
    return text + f'    ret\n    .cfi_endproc\n    .size {name}, . - {name}\n)");\n'


def operation(compute):
    """G = compute(A, B) as a program."""
    program = step.Program()
    step.store(program, compute(program, step.element('A'), step.element('B')), 'G')
    return program


def add_loaded(p, x, y):
    return step.add(p, x, [p.load(word) for word in y])


OPERATIONS = {
    'multiply': step.multiply,
    'square': lambda p, a, _: step.squared(p, a),
    'add': add_loaded,
    'subtract': step.subtract,
    'add_a24_times': lambda p, aa, e: step.fold(p, aa, e, step.A24),
}


def main():
    *options, path = sys.argv[1:]
    text = '// Written by x25519_mulx_assemble.py.\n#include "crypto/x25519_mulx_step.hpp"\n\n'
    text += (f'static_assert({step.SLOTS} <= pssst::crypto::kMulxSlots, '
             '"the kernel reserves what a step uses");\n')
    if options == ['--operations']:
        for name, compute in OPERATIONS.items():
            text += function(f'x25519_mulx_test_{name}', operation(compute))
    else:
        text += function('x25519_mulx_ladder_steps', step.ladder_step())
        text += function('x25519_mulx_doublings', step.doubling())
    with open(path, 'w', encoding='ascii') as output:
        output.write(text)


if __name__ == '__main__':
    main()
