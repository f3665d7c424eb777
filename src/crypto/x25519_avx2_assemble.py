#!/usr/bin/python3
"""Writes the assembly of the AVX2 ladder step: x25519_avx2_assemble.py OUTPUT.cpp

Orders the operations of x25519_avx2_step.py for a wide out-of-order core, allocates the sixteen ymm
registers by Belady's rule (evict what is needed last) and prints a loop of steps. What was measured
stands beside each choice.

Four lanes take 291 TSC cycles a step on an AMD EPYC, family 25, model 17 (Zen 4, 3.65 GHz at a TSC
of 2.6 GHz), 408 core cycles; with every dependency cut the same instructions take 337, which is
four vector operations a cycle. Tried there:
    each operation where its operands are ready, by latencies    1 to 25 % slower: spills, loads
    folds and carries moved in among the next product's terms     0 to 2 % faster than the formulas'
                                                  order, nothing on top of the order in ladder_step
    a column folded as soon as it and its upper one are complete  no gain, 30 to 80 more spills
    columns from the middle or the top                            no gain, 30 to 80 more spills
    u times each power of 2^51 from memory, so that z3 folds one
    column: 18 operations fewer                                   0.7 % faster, 0 with a fifth lane
    h added to its column before l, pairs before singles          no difference
The loop is 10 KB long, and how fast it is fetched depends on which pages of memory the program's
file lies in: about one placement in ten costs up to 35 %, the same in each run until the file is
copied. Measure a second copy before believing a slow one.
"""

import bisect
import sys

import x25519_avx2_step as step

REGISTERS = 16
# C1 and C2 are used by each product: they stay.
PINNED = {step.double_bits(step.C1): 15, step.double_bits(step.C2): 14}
# A value in memory is loaded if it is used again within so many operations; else it is a memory
# operand. 4 to 20 make no difference that can be measured; 0 saves 40 instructions and costs 1 to
# 2 % of the time, for the loads.
LOAD_DISTANCE = 6
NEVER = 1 << 30

LATENCY = {'fma': 4, 'fms': 4, 'fadd': 3, 'fsub': 3, 'mul32': 3}
MNEMONIC = {'fadd': 'vaddpd', 'fsub': 'vsubpd', 'iadd': 'vpaddq', 'isub': 'vpsubq',
            'and': 'vpand', 'or': 'vpor', 'mul32': 'vpmuludq', 'shl': 'vpsllq', 'shr': 'vpsrlq'}
COMMUTATIVE = {'fadd', 'iadd', 'and', 'or', 'mul32'}


def in_order(operations):
    """Stably by position in the program with a slight pull towards the earliest cycle: program
    order keeps few values alive, the pull overlaps the ends of products with the next ones'
    beginnings. A pull of 0 costs up to 1 % of the time; 0.15 and more cost spills."""
    operations_a_cycle = 3
    pull = 0.1
    ready = {}
    key = {}
    for position, operation in enumerate(operations):
        earliest = max((ready[a.number] for a in operation.arguments if a.number in ready),
                       default=0)
        nominal = position / operations_a_cycle
        key[operation.number] = nominal + pull * (earliest - nominal)
        ready[operation.number] = earliest + LATENCY.get(operation.operation, 1)
    return sorted(operations, key=lambda operation: key[operation.number])


class Allocator:
    """Walks the ordered operations once and prints instructions."""

    def __init__(self, program, constants_label):
        self.program = program
        self.constants_label = constants_label
        self.order = in_order([o for o in program.operations if o.operation != 'input'])
        self.constants = list(program.constants.values())
        self.uses = {}
        for position, operation in enumerate(self.order):
            for argument in operation.arguments:
                self.uses.setdefault(argument.number, []).append(position)
        self.register_of = {}  # value number -> register
        self.value_in = {}  # register -> value number
        self.slot_of = {v.number: v.immediate for v in program.operations if v.operation == 'input'}
        self.free_slots = []
        self.slots = step.SLOT_SPILL
        self.lines = []
        self.position = 0
        self.pinned_values = set()  # operands of the operation at hand: not to be evicted

    def next_use(self, number, position):
        uses = self.uses.get(number, [])
        i = bisect.bisect_left(uses, position)
        return uses[i] if i < len(uses) else NEVER

    def memory(self, value):
        if value.operation == 'constant':
            return f'{self.constants_label}+{32 * self.constants.index(value)}(%rip)'
        return self.slot(self.slot_of[value.number])

    @staticmethod
    def slot(number):
        return f'{32 * number}(%rdi)'

    def line(self, text):
        self.lines.append(text)

    def holds(self, value):
        return value.number in self.register_of or self.pin(value) is not None

    @staticmethod
    def pin(value):
        return PINNED.get(value.immediate) if value.operation == 'constant' else None

    def register(self, value):
        pin = self.pin(value)
        return self.register_of[value.number] if pin is None else pin

    def forget(self, number):
        """The value is dead."""
        register = self.register_of.pop(number, None)
        if register is not None:
            del self.value_in[register]
        slot = self.slot_of.pop(number, None)
        # A spill slot is free only now, behind its last reader.
        if slot is not None and slot >= step.SLOT_SPILL:
            self.free_slots.append(slot)

    def take_register(self):
        for register in range(REGISTERS):
            if register not in self.value_in and register not in PINNED.values():
                return register
        candidates = [(self.next_use(number, self.position), number in self.slot_of, register)
                      for register, number in self.value_in.items()
                      if number not in self.pinned_values]
        _, stored, register = max(candidates)
        number = self.value_in.pop(register)
        del self.register_of[number]
        if not stored and number >= 0:
            if not self.free_slots:
                self.free_slots.append(self.slots)
                self.slots += 1
            self.slot_of[number] = self.free_slots.pop()
            self.line(f'vmovapd %ymm{register}, {self.slot(self.slot_of[number])}')
        return register

    def bind(self, number, register):
        self.value_in[register] = number
        self.register_of[number] = register

    def load(self, value):
        if not self.holds(value):
            register = self.take_register()
            self.line(f'vmovapd {self.memory(value)}, %ymm{register}')
            self.bind(value.number, register)
        return self.register(value)

    def used_soon(self, value):
        if value.operation == 'constant':
            return False
        return self.next_use(value.number, self.position + 1) - self.position <= LOAD_DISTANCE

    def operand(self, value):
        """A register, or memory where that is as good."""
        if self.holds(value) or self.used_soon(value):
            return f'%ymm{self.load(value)}'
        return self.memory(value)

    def prefer_register_first(self, a, b):
        """Of two exchangeable operands the second may be in memory."""
        if self.holds(a):
            return a, b
        if self.holds(b) or (self.used_soon(b) and not self.used_soon(a)):
            return b, a
        return a, b

    def dying(self, operation):
        after = self.position + 1
        return [a for a in dict.fromkeys(operation.arguments)
                if a.operation != 'constant' and self.next_use(a.number, after) == NEVER]

    def release(self, values):
        for value in values:
            self.forget(value.number)

    def emit_plain(self, operation):
        a, *rest = operation.arguments
        if operation.operation in COMMUTATIVE:
            a, b = self.prefer_register_first(*operation.arguments)
            rest = [b]
        first = self.load(a)
        second = self.operand(rest[0]) if rest else f'${operation.immediate}'
        self.release(self.dying(operation))
        target = self.take_register()
        self.line(f'{MNEMONIC[operation.operation]} {second}, %ymm{first}, %ymm{target}')
        return target

    def emit_blend(self, operation):
        a, b, mask = operation.arguments
        first, select = self.load(a), self.load(mask)
        second = self.operand(b)
        self.release(self.dying(operation))
        target = self.take_register()
        self.line(f'vblendvpd %ymm{select}, {second}, %ymm{first}, %ymm{target}')
        return target

    def spent_factor(self, operation):
        """A factor whose register may take the result: it is in memory, too, and is used only once
        more, by the product's low half, from there. Spares 30 copies a step."""
        a, b, _ = operation.arguments
        for factor in (a, b) if a is not b else ():
            if factor.number in self.register_of and factor.number in self.slot_of:
                low_half = self.next_use(factor.number, self.position + 1)
                if low_half != NEVER and self.next_use(factor.number, low_half + 1) == NEVER:
                    return factor
        return None

    def accumulator_operand(self, accumulator):
        if self.holds(accumulator):
            return f'%ymm{self.register(accumulator)}'
        return self.memory(accumulator)

    def emit_fused(self, operation):
        """The accumulator is overwritten if nobody needs it any more, or a factor is; else a copy
        of the accumulator."""
        a, b, accumulator = operation.arguments
        name = {'fma': 'vfmadd', 'fms': 'vfmsub'}[operation.operation]
        spent = self.spent_factor(operation)
        a, b = self.prefer_register_first(a, b)
        dying = self.dying(operation)
        if accumulator in dying and accumulator not in (a, b):
            first, second = self.load(a), self.operand(b)
            target = self.load(accumulator)
            self.line(f'{name}231pd {second}, %ymm{first}, %ymm{target}')
        elif spent is not None:
            other = self.load(b if spent is a else a)
            target = self.register_of.pop(spent.number)
            del self.value_in[target]
            added = self.accumulator_operand(accumulator)
            self.line(f'{name}213pd {added}, %ymm{other}, %ymm{target}')
        else:
            first, second = self.load(a), self.operand(b)
            added = self.accumulator_operand(accumulator)
            target = self.take_register()
            self.line(f'vmovapd {added}, %ymm{target}')
            self.line(f'{name}231pd {second}, %ymm{first}, %ymm{target}')
        self.release(dying)
        return target

    def store_output(self, operation, register):
        slot = self.program.outputs.get(operation.number)
        if slot is None:
            return
        for number, other in self.slot_of.items():
            if other == slot and self.next_use(number, self.position + 1) != NEVER:
                raise RuntimeError(f'slot {slot} is overwritten before its last use')
        self.line(f'vmovapd %ymm{register}, {self.slot(slot)}')

    def run(self):
        for self.position, operation in enumerate(self.order):
            self.pinned_values = {a.number for a in operation.arguments}
            if operation.operation in ('fma', 'fms'):
                register = self.emit_fused(operation)
            elif operation.operation == 'blend':
                register = self.emit_blend(operation)
            else:
                register = self.emit_plain(operation)
            self.bind(operation.number, register)
            self.store_output(operation, register)
            if operation.number not in self.uses:
                self.forget(operation.number)


FILE_HEAD = '''\
// Written by x25519_avx2_assemble.py.
#include "crypto/x25519_avx2_step.hpp"

static_assert({slots} <= pssst::crypto::kAvx2Slots, "the kernel reserves what a step uses");
'''
FUNCTION_HEAD = '''
// {instructions} instructions a round, {operations} of them vector operations.
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
FUNCTION_TAIL = '''\
    decq %rsi
    jnz 1b
    vzeroall
    ret
    .cfi_endproc
    .size {name}, . - {name}
'''


def allocate(name, program):
    """Walks the program; the constants are to stand at a label made of the function's name."""
    allocator = Allocator(program, f'.L{name}_constants')
    allocator.run()
    return allocator


def pinned_loads(allocator):
    return ''.join(f'    vmovapd {allocator.memory(value)}, %ymm{PINNED[value.immediate]}\n'
                   for value in allocator.constants if value.immediate in PINNED)


def constants(allocator):
    text = f'\n    .section .rodata\n    .p2align 5\n{allocator.constants_label}:\n'
    for value in allocator.constants:
        text += '    .quad ' + ', '.join([f'{value.immediate:#x}'] * 4) + '\n'
    return text + '    .text\n'


def assemble(name, program):
    """The function's text and its allocator, which knows what it used."""
    allocator = allocate(name, program)
    text = FUNCTION_HEAD.format(name=name, instructions=len(allocator.lines) + 2,
                                operations=len(allocator.order))
    text += pinned_loads(allocator)
    text += '    .p2align 6\n1:\n' + ''.join(f'    {line}\n' for line in allocator.lines)
    text += FUNCTION_TAIL.format(name=name)
    return text + constants(allocator) + ')");\n', allocator


def main():
    functions = [assemble('x25519_avx2_ladder_steps', step.ladder_step()),
                 assemble('x25519_avx2_doublings', step.doubling())]
    with open(sys.argv[1], 'w', encoding='ascii') as output:
        output.write(FILE_HEAD.format(slots=max(allocator.slots for _, allocator in functions)))
        output.writelines(text for text, _ in functions)


if __name__ == '__main__':
    main()
