#!/usr/bin/python3
"""Counts the instructions of an AVX-512 IFMA ladder step in the compiled library:
x25519_avx512ifma_instructions_test.py LIBRARY.a"""

import re
import subprocess
import sys
import unittest

MOST = 1000


def loop_body(listing, function):
    """(address, text) of the function's only loop, the jump back included."""
    body = re.search(rf'^[0-9a-f]+ <{function}>:\n(.*?)\n\n', listing + '\n\n', re.M | re.S)[1]
    lines = re.findall(r'^ *([0-9a-f]+):\t(.*)$', body, re.M)
    instructions = [(int(address, 16), text.strip()) for address, text in lines]
    backwards = []
    for position, (address, text) in enumerate(instructions):
        jump = re.match(r'j\w+ +([0-9a-f]+)', text)
        if jump and int(jump[1], 16) < address:
            backwards.append((int(jump[1], 16), position))
    (target, last), = backwards
    return [(address, text) for address, text in instructions[:last + 1] if address >= target]


class Instructions(unittest.TestCase):
    library = None

    def test_a_ladder_step_is_short(self):
        listing = subprocess.run(['objdump', '-d', '--no-show-raw-insn', self.library], check=True,
                                 capture_output=True, text=True).stdout
        step = loop_body(listing, 'x25519_avx512ifma_ladder_steps')
        counts = {}
        for _, text in step:
            counts[text.split()[0]] = counts.get(text.split()[0], 0) + 1
        print(len(step), 'instructions a step and vector:',
              ', '.join(f'{name} {n}' for name, n in sorted(counts.items())), file=sys.stderr)
        self.assertLessEqual(len(step), MOST)
        # Nothing was missed: these are the formulas' products.
        products = 5 * 50 + 4 * 30
        self.assertGreaterEqual(counts['vpmadd52luq'] + counts['vpmadd52huq'], products)


if __name__ == '__main__':
    Instructions.library = sys.argv.pop()
    unittest.main()
