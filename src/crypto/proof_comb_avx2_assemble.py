#!/usr/bin/python3
"""Writes the assembly of the AVX2 comb's column: proof_comb_avx2_assemble.py OUTPUT.cpp

Order and registers are those of x25519_avx2_assemble.py; the column's entry is read where a second
pointer stands, which goes on to the next entry with each column.
"""

import sys

import proof_comb_avx2_step as comb
import x25519_avx2_assemble as ladder

ENTRY_BYTES = 32 * comb.ENTRY_VECTORS


class Allocator(ladder.Allocator):
    @staticmethod
    def slot(number):
        if number < 0:
            return f'{32 * number + ENTRY_BYTES}(%rdx)'
        return ladder.Allocator.slot(number)


HEAD = '''\
// Written by proof_comb_avx2_assemble.py.
#include "crypto/proof_comb_avx2_step.hpp"

static_assert({slots} <= pssst::crypto::kProofAvx2Slots, "the comb reserves what a column uses");

// {instructions} instructions a column, {operations} of them vector operations.
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
TAIL = '''\
    addq ${entry_bytes}, %rdx
    decq %rsi
    jnz 1b
    vzeroall
    ret
    .cfi_endproc
    .size {name}, . - {name}
'''


def assemble(name, program):
    allocator = Allocator(program, f'.L{name}_constants')
    allocator.run()
    text = HEAD.format(name=name, slots=allocator.slots, instructions=len(allocator.lines) + 3,
                       operations=len(allocator.order))
    text += ladder.pinned_loads(allocator)
    text += '    .p2align 6\n1:\n' + ''.join(f'    {line}\n' for line in allocator.lines)
    text += TAIL.format(name=name, entry_bytes=ENTRY_BYTES)
    return text + ladder.constants(allocator) + ')");\n'


def main():
    with open(sys.argv[1], 'w', encoding='ascii') as output:
        output.write(assemble('proof_comb_avx2_columns', comb.column()))


if __name__ == '__main__':
    main()
