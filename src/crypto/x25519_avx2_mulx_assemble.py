#!/usr/bin/python3
"""Writes the assembly of five ladders at once: x25519_avx2_mulx_assemble.py OUTPUT.cpp

Four lanes take the step of x25519_avx2_step.py, a fifth that of x25519_mulx_step.py, in one stream
of instructions: the vector pipes set the time, the integer pipes idle meanwhile. Both are what
their own assemblers make of them, in the same order; they share no register but rdi, the address
of their slots, and no memory. Only the scalar one uses flags.

On an AMD EPYC, family 25, model 17 (Zen 4), a step of five lanes takes 319 TSC cycles, one of four
291, one of the scalar lane alone 238: 14 % more lanes in the same time. What limits it is six
instructions a cycle, mulx counting as two: 315. Tried there:
    runs of 8, 16 or 64 vector instructions, then scalar ones     1, 3 and 7 % slower
    all scalar instructions within the first 90 % of the step     3 % slower
    two scalar lanes in a step: six lanes                         26 % slower a lane than five
"""

import sys

import x25519_avx2_assemble as avx2
import x25519_avx2_step as avx2_step
import x25519_mulx_assemble as mulx
import x25519_mulx_step as mulx_step

# Where the fifth lane's slots begin, in bytes: behind kAvx2Slots vectors.
SCALAR_BASE = 64 * 32


def merge(vector, scalar):
    """The scalar lines spread evenly among the vector lines."""
    lines = []
    taken = 0
    for i, line in enumerate(vector, 1):
        lines.append(line)
        due = len(scalar) * i // len(vector)
        lines += scalar[taken:due]
        taken = due
    return lines


FILE_HEAD = '''\
// Written by x25519_avx2_mulx_assemble.py.
#include "crypto/x25519_avx2_mulx_step.hpp"

static_assert({base} == offsetof(pssst::crypto::Avx2MulxSlots, scalar),
              "the fifth lane's slots stand where the step looks for them");
static_assert({vector_slots} <= pssst::crypto::kAvx2Slots &&
                  {scalar_slots} <= pssst::crypto::kMulxSlots,
              "the kernel reserves what a step uses");
'''


def function(name, vector_program, scalar_program):
    """The function's text and the vector allocator, which knows what it used."""
    allocator = avx2.allocate(name, vector_program)
    lines = merge(allocator.lines, mulx.assemble(scalar_program, SCALAR_BASE))
    counter = mulx.address(mulx_step.SLOT_COUNT, SCALAR_BASE)
    text = mulx.PREAMBLE.format(name=name, instructions=len(lines) + 2) + mulx.save_registers()
    text += avx2.pinned_loads(allocator) + f'    movq %rsi, {counter}\n    .p2align 6\n1:\n'
    text += ''.join(f'    {line}\n' for line in lines)
    text += f'    decq {counter}\n    jnz 1b\n    vzeroall\n' + mulx.restore_registers()
    text += f'    ret\n    .cfi_endproc\n    .size {name}, . - {name}\n'
    return text + avx2.constants(allocator) + ')");\n', allocator


def main():
    functions = [function('x25519_avx2_mulx_ladder_steps', avx2_step.ladder_step(),
                          mulx_step.ladder_step()),
                 function('x25519_avx2_mulx_doublings', avx2_step.doubling(),
                          mulx_step.doubling())]
    with open(sys.argv[1], 'w', encoding='ascii') as output:
        output.write(FILE_HEAD.format(base=SCALAR_BASE, scalar_slots=mulx_step.SLOTS,
                                      vector_slots=max(a.slots for _, a in functions)))
        output.writelines(text for text, _ in functions)


if __name__ == '__main__':
    main()
