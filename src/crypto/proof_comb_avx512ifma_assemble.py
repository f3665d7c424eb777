#!/usr/bin/python3
"""Writes the AVX-512 IFMA comb's column: proof_comb_avx512ifma_assemble.py FORM OUTPUT.cpp

FORM is assembly or model. Order, registers and both forms of an instruction are those of
x25519_avx512ifma_assemble.py; the column's entry is read where a second pointer stands, which goes
on to the next entry with each column.
"""

import re
import sys

import proof_comb_avx512ifma_step as comb
import x25519_avx512ifma_assemble as ladder

ENTRY_BYTES = 64 * comb.ENTRY_VECTORS

ASSEMBLY = '''\
// Written by proof_comb_avx512ifma_assemble.py.
#include "crypto/proof_comb_avx512ifma_step.hpp"

static_assert({slots} <= pssst::crypto::kIfmaSlots, "the comb reserves what a column uses");

// {instructions} instructions a column.
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
    addq ${entry_bytes}, %rdx
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
MODEL = '''\
// Written by proof_comb_avx512ifma_assemble.py.
#include "crypto/proof_comb_avx512ifma_model.hpp"
#include "crypto/x25519_avx512ifma_model_instructions.hpp"

namespace pssst::crypto {{

void proof_comb_avx512ifma_model_column(IfmaRegisters& registers, IfmaLanes* s,
                                        const IfmaLanes* e) noexcept {{
  IfmaLanes* const r = registers.zmm;
  IfmaLanes& k1 = registers.mask;
  static_cast<void>(shift_left);  // only the ladder shifts to the left
{body}
}}

}}  // namespace pssst::crypto
'''


def text_of(instruction, name):
    """Slots below zero are the entry's."""
    return re.sub(r'(-\d+)\(%rdi\)', lambda m: f'{int(m[1]) + ENTRY_BYTES}(%rdx)',
                  ladder.text_of(instruction, name))


def call_of(instruction, constants):
    return re.sub(r's\[(-\d+)\]', lambda m: f'e[{int(m[1]) + comb.ENTRY_VECTORS}]',
                  ladder.call_of(instruction, constants))


def main():
    allocator = ladder.Allocator(comb.column())
    instructions = allocator.run()
    name = 'proof_comb_avx512ifma_columns'
    if sys.argv[1] == 'assembly':
        text = ASSEMBLY.format(
            name=name, slots=allocator.slots, instructions=len(instructions) + 3,
            body='\n'.join('    ' + text_of(i, name) for i in instructions),
            entry_bytes=ENTRY_BYTES, wipe=ladder.WIPE,
            constants=', '.join(f'{c.immediate & ladder.step.MASK64:#x}'
                                for c in allocator.constants))
    else:
        text = MODEL.format(
            body='\n'.join('  ' + call_of(i, allocator.constants) for i in instructions))
    with open(sys.argv[2], 'w', encoding='ascii') as output:
        output.write(text)


if __name__ == '__main__':
    main()
