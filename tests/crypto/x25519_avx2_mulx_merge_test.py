#!/usr/bin/python3
"""Shows that the five-lane step is the two proved steps and nothing else: what
x25519_avx2_bounds_test.py and x25519_mulx_bounds_test.py prove holds for the merged stream if it
contains each list whole and in order, and if neither touches what the other one uses.
"""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'src' / 'crypto'))
sys.dont_write_bytecode = True
import x25519_avx2_assemble as avx2  # noqa: E402
import x25519_avx2_mulx_assemble as merged  # noqa: E402
import x25519_avx2_step as avx2_step  # noqa: E402
import x25519_mulx_assemble as mulx  # noqa: E402
import x25519_mulx_step as mulx_step  # noqa: E402

PROGRAMS = {'ladder_step': (avx2_step.ladder_step, mulx_step.ladder_step),
            'doubling': (avx2_step.doubling, mulx_step.doubling)}
# Without stores to what is not a slot, calls and branches.
SCALAR = {'movq', 'movl', 'mulxq', 'addq', 'adcq', 'subq', 'sbbq', 'andl', 'shrq', 'imulq', 'cmovc'}


def loop(text):
    """The lines of a function that are repeated, less those that count."""
    body = re.search(r'\n1:\n(.*?)    jnz 1b\n', text, re.DOTALL).group(1)
    lines = [line.strip() for line in body.splitlines()]
    *lines, count = lines
    if not re.fullmatch(r'decq \d+\(%rdi\)', count):
        raise AssertionError(f'not a counter: {count}')
    return lines


def slots(lines):
    return {int(offset) for line in lines for offset in re.findall(r'(-?\d+)\(%rdi\)', line)}


class Merge(unittest.TestCase):
    def setUp(self):
        self.functions = {}
        for name, (vector, scalar) in PROGRAMS.items():
            lines = loop(merged.function(name, vector(), scalar())[0])
            self.functions[name] = ([line for line in lines if '%ymm' in line],
                                    [line for line in lines if '%ymm' not in line])

    def test_each_list_is_there_whole_and_in_order(self):
        for name, (vector, scalar) in PROGRAMS.items():
            with self.subTest(name):
                vector_lines, scalar_lines = self.functions[name]
                self.assertEqual(vector_lines, avx2.allocate(name, vector()).lines)
                self.assertEqual(scalar_lines, mulx.assemble(scalar(), merged.SCALAR_BASE))
                self.assertGreater(min(len(vector_lines), len(scalar_lines)), 300)

    def test_they_share_no_register_and_no_flag(self):
        for name, (vector_lines, scalar_lines) in self.functions.items():
            with self.subTest(name):
                for line in vector_lines:
                    self.assertTrue(line.startswith('v'), line)
                    general = re.findall(r'%(?!ymm)(\w+)', line)
                    self.assertLessEqual(set(general), {'rdi', 'rip'}, line)
                for line in scalar_lines:
                    self.assertIn(line.split()[0], SCALAR)
                    self.assertNotRegex(line, r'%[xyz]mm|, %(rdi|edi|rsp|esp)$')

    def test_they_share_no_memory(self):
        for name, (vector_lines, scalar_lines) in self.functions.items():
            with self.subTest(name):
                self.assertLessEqual(max(slots(vector_lines)) + 32, merged.SCALAR_BASE)
                self.assertGreaterEqual(min(slots(scalar_lines)), merged.SCALAR_BASE)
                self.assertNotIn(merged.SCALAR_BASE + 8 * mulx_step.SLOT_COUNT,
                                 slots(scalar_lines))

    def test_a_lost_line_would_be_seen(self):
        vector, scalar = [f'v{i}' for i in range(10)], [f's{i}' for i in range(7)]
        lines = merged.merge(vector, scalar)
        self.assertEqual([line for line in lines if line[0] == 'v'], vector)
        self.assertEqual([line for line in lines if line[0] == 's'], scalar)
        self.assertEqual(merged.merge(scalar, vector)[-1], 'v9')


if __name__ == '__main__':
    unittest.main()
