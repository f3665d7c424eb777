#!/usr/bin/python3
"""Proves the limb ranges of the AVX2 comb's column, over the operation list that is also assembled,
by the rules of x25519_avx2_bounds_test.py."""

import sys
import unittest

sys.dont_write_bytecode = True
import x25519_avx2_bounds_test as bounds  # noqa: E402
import proof_comb_avx2_step as comb  # noqa: E402

REDUCED = bounds.REDUCED


class Bounds(unittest.TestCase):
    def test_reduced_in_gives_reduced_out(self):
        # An entry's limbs are within 2^50, so they count as reduced.
        prover = bounds.prove(comb.column())
        slots = {comb.SLOT_X, comb.SLOT_Y, comb.SLOT_Z}
        self.assertEqual(set(prover.outputs()),
                         {slot + i for slot in slots for i in range(bounds.step.LIMBS)})
        self.assertLess(prover.largest_product, 1 << 102)

    def test_every_input_is_read(self):
        inputs = {o.immediate for o in comb.column().operations if o.operation == 'input'}
        self.assertEqual(inputs, set(range(-comb.ENTRY_VECTORS, 3 * bounds.step.LIMBS)))

    def test_the_bound_is_not_vacuous(self):
        with self.assertRaisesRegex(bounds.BoundError, 'high half leaves|reaches 2\\^102'):
            bounds.prove(comb.column(), 2 * REDUCED)

    def test_each_dropped_carry_is_seen(self):
        original = bounds.step.carry
        for dropped in range(14):
            calls = []

            def carry(program, column, dropped=dropped, calls=calls):
                calls.append(1)
                if len(calls) - 1 != dropped:
                    return original(program, column)
                return [program.fsub(program.emit('or', program.emit(
                    'and', value, program.bits(bounds.step.MASK51)), program.double(2.0**52)),
                    program.double(0.0)) for value in column]

            bounds.step.carry = carry
            try:
                with self.assertRaises(bounds.BoundError):
                    bounds.prove(comb.column())
            finally:
                bounds.step.carry = original
            self.assertEqual(len(calls), 14)


if __name__ == '__main__':
    unittest.main()
