#!/usr/bin/python3
"""No branch and no address of a proof's check by table depends on scalars, on what tables hold, or
on expected results, says valgrind's memcheck; and it does say so of a check made to leak.

    proof_constant_time_test.py VALGRIND PROGRAM    (proof_constant_time)
"""

import subprocess
import sys
import unittest

REPORTED = 9
VALGRIND, PROGRAM = sys.argv[1:3]


def run(*arguments):
    return subprocess.run(
        [VALGRIND, '--quiet', f'--error-exitcode={REPORTED}', '--num-callers=6', PROGRAM,
         *arguments], capture_output=True, text=True, timeout=300)


class ConstantTime(unittest.TestCase):
    def test_no_kernel_branches_on_a_secret_or_addresses_by_one(self):
        # Those of the CPU that valgrind imitates.
        names = run().stdout.split()
        self.assertIn('portable', names)
        self.assertIn('avx512ifma_model', names)
        for name in names:
            with self.subTest(kernel=name):
                done = run(name)
                self.assertEqual((done.returncode, done.stderr), (0, ''))

    def test_an_address_made_of_a_secret_is_reported(self):
        done = run('leak')
        self.assertEqual(done.returncode, REPORTED, done.stderr)
        self.assertRegex(done.stderr, r'Use of uninitialised value[^\n]*\n[^\n]*leaky_check')


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
