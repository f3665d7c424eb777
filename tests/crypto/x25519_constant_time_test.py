#!/usr/bin/python3
"""No branch and no address of a kernel depends on scalars, points or expected results, says
valgrind's memcheck; and it does say so of two kernels made to leak.

    x25519_constant_time_test.py VALGRIND PROGRAM    (x25519_constant_time)
"""

import pathlib
import re
import subprocess
import sys
import unittest

REPORTED = 9
VALGRIND, PROGRAM = sys.argv[1:3]


def run(*arguments):
    return subprocess.run(
        [VALGRIND, '--quiet', f'--error-exitcode={REPORTED}', '--num-callers=6', PROGRAM,
         *arguments], capture_output=True, text=True, timeout=300)


def kernels():
    """Those of the CPU that valgrind imitates."""
    return run().stdout.split()


def reported(what):
    """In the leaking function or in one that it calls."""
    return rf'{what}(?:[^\n]*\n){{1,3}}[^\n]*leaky_ladders'


class ConstantTime(unittest.TestCase):
    def test_no_kernel_branches_on_a_secret_or_addresses_by_one(self):
        names = kernels()
        self.assertIn('portable', names)
        self.assertIn('auto', names)
        for name in names:
            with self.subTest(kernel=name):
                done = run(name)
                self.assertEqual((done.returncode, done.stderr), (0, ''))

    def test_the_kernels_that_this_test_is_for_are_there(self):
        # A CPU that valgrind imitates without these would be one that has not got them.
        cpuinfo = pathlib.Path('/proc/cpuinfo').read_text(encoding='ascii')
        flags = re.search(r'^flags\s*:(.*)$', cpuinfo, re.MULTILINE).group(1).split()
        for name, needed in (('mulx', {'bmi2', 'adx'}), ('avx2', {'avx2', 'fma'})):
            if needed <= set(flags):
                self.assertIn(name, kernels())

    def test_a_branch_on_a_secret_is_reported(self):
        done = run('leak_branch')
        self.assertEqual(done.returncode, REPORTED, done.stderr)
        self.assertRegex(done.stderr, reported('Conditional jump'))

    def test_an_address_made_of_a_secret_is_reported(self):
        done = run('leak_address')
        self.assertEqual(done.returncode, REPORTED, done.stderr)
        self.assertRegex(done.stderr, reported('Use of uninitialised value'))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
