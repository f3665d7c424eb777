#!/usr/bin/python3
"""Proves the limb ranges and the carries of the AVX-512 IFMA comb's column, over the operation list
that is also assembled, by the rules of x25519_avx512ifma_bounds_test.py."""

import random
import sys
import unittest

sys.dont_write_bytecode = True
import x25519_avx512ifma_bounds_test as bounds  # noqa: E402
import proof_comb_avx512ifma_step as comb  # noqa: E402

P = bounds.P


class Bounds(unittest.TestCase):
    def test_column(self):
        prover = bounds.Prover(comb.column()).run()
        # 14 products, 10 sums and differences, 4 single carries, 2 before a column is doubled.
        self.assertEqual(prover.claims_proven, 14 + 10 + 4 + 2)
        self.assertLess(prover.widest, bounds.WORD)

    def test_each_dropped_carry_is_seen(self):
        program = comb.column()
        carries = [position for position, o in enumerate(program.operations)
                   if o.operation.startswith('shift_right')]
        self.assertEqual(len(carries), 14 * 2 + 3 + 14 * 5)
        for position in carries:
            with self.assertRaises(bounds.ProofError):
                bounds.Prover(bounds.replaced(program, position, None)).run()

    def test_every_input_is_read_and_the_point_is_written(self):
        program = comb.column()
        inputs = {o.immediate for o in program.operations if o.operation == 'input'}
        self.assertEqual(inputs, set(range(-comb.ENTRY_VECTORS, 15)))
        self.assertEqual(sorted(program.outputs.values()), list(range(15)))


class Values(unittest.TestCase):
    """The claims say what each part computes; this, that the parts make the formulas."""

    def test_column_follows_the_formulas(self):
        generator = random.Random(3)
        program = comb.column()
        for _ in range(60):
            slots = {slot: limb for slot, limb in bounds.slots_of(generator).items() if slot < 15}
            for slot in range(15):
                slots[slot - 15] = bounds.slots_of(generator)[slot]
            slots[comb.SLOT_NEGATE] = generator.choice([0, 1 << 63])
            machine = bounds.Machine(program, slots)

            def element(slot, slots=slots):
                return bounds.value_of([slots[slot + k] for k in range(5)])

            x, y, z = (element(s) for s in (comb.SLOT_X, comb.SLOT_Y, comb.SLOT_Z))
            plus, minus, product = (element(s) for s in (
                comb.SLOT_Y_PLUS_X, comb.SLOT_Y_MINUS_X, comb.SLOT_XY_2D))
            if slots[comb.SLOT_NEGATE]:
                plus, minus, product = minus, plus, -product
            e, h, g = 2 * x * y, y * y + x * x, y * y - x * x
            f = 2 * z * z - g
            x, y, z, t = e * f, g * h, f * g, e * h
            a, b, c = (y - x) * minus, (y + x) * plus, t * product
            e, h, f, g = b - a, b + a, 2 * z - c, 2 * z + c
            self.assertEqual(machine.element(comb.SLOT_X), e * f % P)
            self.assertEqual(machine.element(comb.SLOT_Y), g * h % P)
            self.assertEqual(machine.element(comb.SLOT_Z), f * g % P)


if __name__ == '__main__':
    unittest.main()
