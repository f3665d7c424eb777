#!/usr/bin/python3
"""Writes the AVX-512 IFMA ladder step: x25519_avx512ifma_assemble.py assembly|model OUTPUT.cpp

Orders the operations of x25519_avx512ifma_step.py, allocates the 32 zmm registers by Belady's rule
(evict what is needed last) and prints a loop of steps: as assembly, or as calls of functions that
model the very same instructions, register by register.

Zen 4 makes one product of eight lanes a cycle; the other operations and the loads fit beside it and
a store nearly takes a product's place. So 437 products and 21 stores are about 455 cycles; a step
takes 485 (two vectors in turn) or 508. Tried, and of no use (core cycles on that CPU):
  radix 2^51: high halves to double, a mask for every carry; 90 more instructions by count, and a
    prototype in intrinsics had 966 with clang 14 and 1,263 with g++ 12
  shifts and additions instead of vpmullq: no change for a quarter of the folds, +8 % for all
  list scheduling, one product and one other operation a cycle: 522 and 541 cycles
  other orders of the formulas' parts, eight of them: no change to +5 %
  a difference's bias in the first addends of the minuend's upper columns, where it would cost no
    instruction: folded, it makes column 2 negative if the factors are small
"""

import bisect
import sys
from dataclasses import dataclass

import x25519_avx512ifma_step as step

REGISTERS = 32
# A value in memory is loaded if it is used again within so many operations; else it is a memory
# operand.
LOAD_DISTANCE = 12
# Of two values, one that memory holds already is evicted first unless its next use is so many times
# nearer: a store costs most of a multiplication's time, a load none.
CLEAN_PREFERENCE = 4
NEVER = 1 << 30

LATENCY = {'low': 4, 'high': 4, 'times': 3, 'input': 0, 'low52': 0}
COMMUTATIVE = {'add', 'and'}


@dataclass(frozen=True)
class Operand:
    """kind: register, slot (of the memory), constant (in all lanes), count (of a shift)"""
    kind: str
    number: int


@dataclass(frozen=True)
class Instruction:
    """target = operation(first, second). The target of low and high is their first addend, too;
    blend takes the second where the mask, which sign sets, has a bit."""
    operation: str
    target: int = 0
    first: int = 0
    second: Operand = Operand('register', 0)


def root(value):
    """The value that an instruction makes: low52 is none."""
    while value.operation == 'low52':
        value = value.arguments[0]
    return value


def in_order(operations):
    """Stably by position in the program with a pull towards the earliest cycle: program order keeps
    few values alive, the pull overlaps the ends of products with the next ones' beginnings. Core
    cycles a step on Zen 4, one vector and two in turn: a pull of 0.1 gives 553 and 537 (and no
    spill), 0.3 gives 527 and 503, 0.6 gives 513 and 489, 1 gives 525 and 506."""
    operations_a_cycle = 1.2
    pull = 0.6
    ready = {}
    key = {}
    for position, operation in enumerate(operations):
        earliest = max((ready[a.number] for a in map(root, operation.arguments)
                        if a.number in ready), default=0)
        nominal = position / operations_a_cycle
        key[operation.number] = nominal + pull * (earliest - nominal)
        ready[operation.number] = earliest + LATENCY.get(operation.operation, 1)
    return sorted(operations, key=lambda operation: key[operation.number])


class Allocator:
    """Walks the ordered operations once and makes instructions."""

    def __init__(self, program):
        self.order = in_order([o for o in program.operations
                               if o.operation not in ('input', 'low52')])
        by_number = {o.number: o for o in program.operations}
        self.outputs = {root(by_number[number]).number: slot
                        for number, slot in program.outputs.items()}
        self.constants = list(program.constants.values())
        self.uses = {}
        for position, operation in enumerate(self.order):
            for argument in map(root, operation.arguments):
                self.uses.setdefault(argument.number, []).append(position)
        self.register_of = {}  # value number -> register
        self.value_in = {}  # register -> value number
        self.slot_of = {v.number: v.immediate for v in program.operations if v.operation == 'input'}
        self.free_slots = []
        self.slots = step.SLOT_SPILL
        self.instructions = []
        self.position = 0
        self.pinned_values = set()  # operands of the operation at hand: not to be evicted

    def next_use(self, number, position):
        uses = self.uses.get(number, [])
        i = bisect.bisect_left(uses, position)
        return uses[i] if i < len(uses) else NEVER

    def emit(self, operation, target=0, first=0, second=Operand('register', 0)):
        self.instructions.append(Instruction(operation, target, first, second))

    def memory(self, value):
        if value.operation == 'constant':
            return Operand('constant', self.constants.index(value))
        return Operand('slot', self.slot_of[value.number])

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
            if register not in self.value_in:
                return register
        candidates = []
        for register, number in self.value_in.items():
            if number in self.pinned_values:
                continue
            stored = number in self.slot_of or number < 0  # or a constant
            distance = self.next_use(number, self.position) - self.position
            candidates.append((distance * (CLEAN_PREFERENCE if stored else 1), stored, register))
        _, stored, register = max(candidates)
        number = self.value_in.pop(register)
        del self.register_of[number]
        if not stored:
            if not self.free_slots:
                self.free_slots.append(self.slots)
                self.slots += 1
            self.slot_of[number] = self.free_slots.pop()
            self.emit('store', first=register, second=Operand('slot', self.slot_of[number]))
        return register

    def bind(self, number, register):
        self.value_in[register] = number
        self.register_of[number] = register

    def load(self, value):
        if value.number not in self.register_of:
            register = self.take_register()
            self.emit('load', target=register, second=self.memory(value))
            self.bind(value.number, register)
        return self.register_of[value.number]

    def operand(self, value):
        """A register, or memory where that is as good."""
        again = self.next_use(value.number, self.position + 1) - self.position
        soon = value.operation != 'constant' and again <= LOAD_DISTANCE
        if value.number in self.register_of or soon:
            return Operand('register', self.load(value))
        return self.memory(value)

    def register_first(self, a, b):
        """Of two exchangeable operands the second may be in memory."""
        if a.number in self.register_of or a is b:
            return a, b
        if b.number in self.register_of or a.operation == 'constant':
            return b, a
        after = self.position + 1
        nearer_first = sorted([a, b], key=lambda v: self.next_use(v.number, after))
        return tuple(nearer_first)

    def dying(self, arguments):
        after = self.position + 1
        return [a for a in dict.fromkeys(arguments)
                if a.operation != 'constant' and self.next_use(a.number, after) == NEVER]

    def release(self, values):
        for value in values:
            self.forget(value.number)

    def emit_plain(self, operation, arguments):
        if operation.operation in COMMUTATIVE:
            arguments = self.register_first(*arguments)
        first = self.load(arguments[0])
        second = (self.operand(arguments[1]) if len(arguments) > 1
                  else Operand('count', operation.immediate))
        self.release(self.dying(arguments))
        target = self.take_register()
        self.emit(operation.operation, target, first, second)
        return target

    def emit_product(self, operation, arguments):
        """The accumulator is overwritten if nobody needs it any more, else a copy of it."""
        accumulator, *factors = arguments
        factors = self.register_first(*factors)
        first = self.load(factors[0])
        second = self.operand(factors[1])
        dying = self.dying(arguments)
        if accumulator in dying and accumulator not in factors:
            target = self.load(accumulator)
        else:
            target = self.take_register()
            if accumulator.operation == 'constant' and accumulator.immediate == 0:
                self.emit('zero', target)
            elif accumulator.number in self.register_of:
                self.emit('copy', target,
                          second=Operand('register', self.register_of[accumulator.number]))
            else:
                self.emit('load', target, second=self.memory(accumulator))
        self.emit(operation.operation, target, first, second)
        self.release(dying)
        return target

    def store_output(self, operation, register):
        slot = self.outputs.get(operation.number)
        if slot is None:
            return
        for number, other in self.slot_of.items():
            if other == slot and self.next_use(number, self.position + 1) != NEVER:
                raise RuntimeError(f'slot {slot} is overwritten before its last use')
        self.emit('store', first=register, second=Operand('slot', slot))
        if operation.number in self.uses:
            self.slot_of[operation.number] = slot

    def run(self):
        for self.position, operation in enumerate(self.order):
            arguments = [root(a) for a in operation.arguments]
            self.pinned_values = {a.number for a in arguments}
            if operation.operation == 'sign':
                self.emit('sign', first=self.load(arguments[0]))
                self.release(self.dying(arguments))
                continue
            if operation.operation in ('low', 'high'):
                register = self.emit_product(operation, arguments)
            elif operation.operation == 'blend':
                register = self.emit_plain(operation, arguments[:2])
            else:
                register = self.emit_plain(operation, arguments)
            self.bind(operation.number, register)
            self.store_output(operation, register)
            if operation.number not in self.uses:
                self.forget(operation.number)
        return self.instructions


MNEMONIC = {'add': 'vpaddq', 'subtract': 'vpsubq', 'and': 'vpandq', 'times': 'vpmullq',
            'shift_right': 'vpsrlq', 'shift_right_signed': 'vpsraq', 'shift_left': 'vpsllq',
            'low': 'vpmadd52luq', 'high': 'vpmadd52huq', 'copy': 'vmovdqa64'}


def text_of(instruction, name):
    """In AT&T's order: sources before the target."""
    operation = instruction.operation
    first, target = f'%zmm{instruction.first}', f'%zmm{instruction.target}'
    kind, number = instruction.second.kind, instruction.second.number
    second = {'register': f'%zmm{number}', 'slot': f'{64 * number}(%rdi)', 'count': f'${number}',
              'constant': f'.L{name}_constants+{8 * number}(%rip)'}[kind]
    if operation == 'load':
        return f'{"vpbroadcastq" if kind == "constant" else "vmovdqa64"} {second}, {target}'
    if operation == 'store':
        return f'vmovdqa64 {first}, {second}'
    if operation == 'copy':
        return f'vmovdqa64 {second}, {target}'
    if operation == 'zero':
        return f'vpxorq {target}, {target}, {target}'
    if operation == 'sign':
        return f'vpmovq2m {first}, %k1'
    if operation == 'blend':
        return f'vpblendmq {second}, {first}, {target}{{%k1}}'
    if kind == 'constant':
        second += '{1to8}'
    return f'{MNEMONIC[operation]} {second}, {first}, {target}'


ASSEMBLY_HEAD = '''\
// Written by x25519_avx512ifma_assemble.py.
#include "crypto/x25519_avx512ifma_step.hpp"

static_assert({slots} <= pssst::crypto::kIfmaSlots, "the kernel reserves what a step uses");
'''
FUNCTION = '''
// {instructions} instructions a round, the exchange of the vectors among them.
__asm__(R"(
    .text
    .p2align 6
    .globl {name}
    .hidden {name}
    .type {name}, @function
{name}:
    .cfi_startproc
    endbr64
    .p2align 6
1:
{body}
    xchgq %rdi, %rdx
    decq %rsi
    jnz 1b
{wipe}
    kxorw %k1, %k1, %k1
    vzeroupper
    ret
    .cfi_endproc
    .size {name}, . - {name}

    .section .rodata
    .p2align 6
.L{name}_constants:
    .quad {constants}
    .text
)");
'''
WIPE = '\n'.join(f'    vpxorq %zmm{r}, %zmm{r}, %zmm{r}' for r in range(REGISTERS))


def assembly_of(name, allocator):
    body = '\n'.join('    ' + text_of(i, name) for i in allocator.instructions)
    constants = ', '.join(f'{c.immediate & step.MASK64:#x}' for c in allocator.constants)
    return FUNCTION.format(name=name, instructions=len(allocator.instructions) + 3, body=body,
                           wipe=WIPE, constants=constants)


MODEL_HEAD = '''\
// Written by x25519_avx512ifma_assemble.py.
#include "crypto/x25519_avx512ifma_model_instructions.hpp"

namespace pssst::crypto {
'''
MODEL_FUNCTION = '''
void x25519_avx512ifma_model_{name}(IfmaRegisters& registers, IfmaLanes* s) noexcept {{
  IfmaLanes* const r = registers.zmm;
  IfmaLanes& k1 = registers.mask;
  static_cast<void>(k1);
{body}
}}
'''
MODEL_TAIL = '''
}  // namespace pssst::crypto
'''


def call_of(instruction, constants):
    operation = instruction.operation
    first, target = f'r[{instruction.first}]', f'r[{instruction.target}]'
    kind, number = instruction.second.kind, instruction.second.number
    second = (f'std::uint64_t{{{constants[number].immediate & step.MASK64:#x}}}'
              if kind == 'constant' else
              {'register': f'r[{number}]', 'slot': f's[{number}]', 'count': f'{number}'}[kind])
    if operation in ('load', 'copy'):
        return f'copy({target}, {second});'
    if operation == 'store':
        return f'copy({second}, {first});'
    if operation == 'zero':
        return f'copy({target}, std::uint64_t{{0}});'
    if operation == 'sign':
        return f'sign(k1, {first});'
    if operation == 'blend':
        return f'blend({target}, {first}, {second}, k1);'
    return f'{"bit_and" if operation == "and" else operation}({target}, {first}, {second});'


def model_of(name, allocator):
    body = '\n'.join('  ' + call_of(i, allocator.constants) for i in allocator.instructions)
    return MODEL_FUNCTION.format(name=name, body=body)


def main():
    programs = {'ladder_step': step.ladder_step(), 'doubling': step.doubling()}
    allocators = {name: Allocator(program) for name, program in programs.items()}
    for allocator in allocators.values():
        allocator.run()
    with open(sys.argv[2], 'w', encoding='ascii') as output:
        if sys.argv[1] == 'assembly':
            slots = max(allocator.slots for allocator in allocators.values())
            output.write(ASSEMBLY_HEAD.format(slots=slots))
            output.writelines(assembly_of(f'x25519_avx512ifma_{name}s', allocator)
                              for name, allocator in allocators.items())
        else:
            output.write(MODEL_HEAD)
            output.writelines(model_of(*item) for item in allocators.items())
            output.write(MODEL_TAIL)


if __name__ == '__main__':
    main()
