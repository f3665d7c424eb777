#!/usr/bin/python3
"""Proves the limb ranges of the AVX2 ladder step, over the operation list that is also assembled.

Interval arithmetic, one rule per operation and nothing taken from the generator but the list:
every value is either a number (a double that holds an integer) or a bit pattern (a 64-bit integer
modulo 2^64). The one step that intervals alone cannot see, that high and low half of a product undo
each other's rounding, is a rule over the three operations that make it.
"""

import pathlib
import sys
import unittest
from fractions import Fraction

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'src' / 'crypto'))
sys.dont_write_bytecode = True
import x25519_avx2_step as step  # noqa: E402

REDUCED = (1 << 50) + (1 << 12)
WORD = 1 << 64


class BoundError(AssertionError):
    pass


def require(condition, what):
    if not condition:
        raise BoundError(what)


class Interval:
    """lo <= value <= hi. `pattern`: of a bit pattern, read as an unbounded integer."""

    def __init__(self, lo, hi, pattern=False):
        require(lo <= hi, 'empty interval')
        self.lo, self.hi, self.pattern = lo, hi, pattern

    def magnitude(self):
        return max(abs(self.lo), abs(self.hi))


def value_of_bits(bits):
    """The double with this pattern, as an exact fraction."""
    exponent = bits >> 52 & 0x7ff
    mantissa = Fraction((bits & ((1 << 52) - 1)) | (1 << 52), 1 << 52)
    sign = -1 if bits >> 63 else 1
    return sign * mantissa * Fraction(2) ** (exponent - 1023)


def pattern_of_number(number):
    """A number within one binade, as bits: linear there, and still so at the binade's upper end."""
    if number.pattern:
        return number
    require(number.lo > 0, 'bits are taken of a number that may be negative')
    binade = int(number.lo).bit_length() - 1
    require(number.hi <= 1 << (binade + 1), 'bits are taken of a number that may leave its binade')
    unit = Fraction(1 << binade, 1 << 52)
    base = (1023 + binade) << 52
    lo = base + (number.lo - (1 << binade)) / unit
    hi = base + (number.hi - (1 << binade)) / unit
    return Interval(int(lo // 1), int(-(-hi // 1)), pattern=True)


def number_of_pattern(value):
    """The inverse, for patterns that a carry has put into [2^52, 2^53)."""
    if not value.pattern:
        return value
    base = (1023 + 52) << 52
    require(base <= value.lo and value.hi < base + (1 << 52),
            'a pattern that is no double in [2^52, 2^53)')
    return Interval(Fraction((1 << 52) + value.lo - base), Fraction((1 << 52) + value.hi - base))


class Prover:
    """Walks a program with intervals for its inputs."""

    def __init__(self, program, input_bound):
        self.program = program
        self.input_bound = input_bound
        self.known = {}
        self.largest_product = 0

    def get(self, value):
        if value.operation == 'constant':
            exact = value_of_bits(value.immediate)
            return Interval(exact, exact)
        return self.known[value.number]

    def integer(self, value):
        """As a bit pattern."""
        if value.operation == 'constant':
            return Interval(value.immediate, value.immediate, pattern=True)
        return pattern_of_number(self.get(value))

    def number(self, value):
        return number_of_pattern(self.get(value))

    def product(self, operation):
        a, b = (self.number(v) for v in operation.arguments[:2])
        corners = [x * y for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
        lo, hi = min(corners), max(corners)
        if operation.arguments[0] is operation.arguments[1]:
            lo = max(lo, 0)
        self.largest_product = max(self.largest_product, abs(lo), abs(hi))
        require(max(abs(lo), abs(hi)) < Fraction(2) ** 102, '|a * b| reaches 2^102')
        return lo, hi

    def exact(self, lo, hi, what):
        require(max(abs(lo), abs(hi)) <= 1 << 53, f'{what} is not exact')
        return Interval(lo, hi)

    def high_of(self, operation):
        """The (high, base) behind the rest that a low half subtracts: rest = high - (base + C3) for
        a first product, high - base for a second one on top of it."""
        rest = operation.arguments[2]
        require(rest.operation == 'fsub', 'a low half without its rest')
        first, second = rest.arguments
        if first.operation == 'fma' and second.operation == 'constant':
            high = first
            base = high.arguments[2]
            require(base.operation == 'constant', 'a rest of a high half on a variable base')
            require(value_of_bits(second.immediate) - value_of_bits(base.immediate)
                    == Fraction(step.C3), 'a rest that is not off by C3')
            lift = Fraction(step.C3)
        else:
            high, lift = first, Fraction(0)
            require(high.operation == 'fma' and high.arguments[2] is second,
                    'a rest of two strangers')
        require(high.arguments[:2] == operation.arguments[:2], 'high and low of different products')
        return lift

    def fma(self, operation):
        addend = operation.arguments[2]
        lo, hi = self.product(operation)
        c = self.number(addend)
        if c.lo >= Fraction(2) ** 103:  # a high half: rounded to a multiple of 2^51
            half = 1 << 50
            out = Interval(c.lo + lo - half, c.hi + hi + half)
            require(out.lo >= Fraction(2) ** 103 and out.hi <= Fraction(2) ** 104,
                    'a high half leaves its binade')
            return out
        factor = operation.arguments[1]
        if factor.operation == 'constant' and value_of_bits(factor.immediate) < 1:
            # top * k * 2^-51 + rest, top a multiple of 2^51: integers.
            return self.exact(lo + c.lo, hi + c.hi, 'a carry in floating point')
        # Only a24 * E + AA may be rounded; what is done with it allows for that.
        require(max(abs(lo), abs(hi)) < 1 << 70, 'a24 * E is too large for its rounding')
        return Interval(lo + c.lo - (1 << 17), hi + c.hi + (1 << 17))

    def fms(self, operation):
        lo, hi = self.product(operation)
        rest = operation.arguments[2]
        if rest.operation == 'fsub' and self.is_rounding(rest):
            # a24 * E less its own top: what rounding to a multiple of 2^51 left, up to AA.
            total = rest.arguments[0].arguments[0]
            require(total.operation == 'fma' and total.arguments[:2] == operation.arguments[:2],
                    'a top of another product')
            aa = self.number(total.arguments[2])
            slack = (1 << 50) + (1 << 17)
            return self.exact(-aa.hi - slack, -aa.lo + slack, 'the rest of a24 * E')
        lift = self.high_of(operation)
        half = 1 << 50
        return self.exact(lift - half, lift + half, 'a low half')

    @staticmethod
    def is_rounding(rest):
        inner = rest.arguments[0]
        return (inner.operation == 'fadd' and rest.arguments[1] is inner.arguments[1]
                and rest.arguments[1].operation == 'constant')

    def fadd(self, operation):
        a, b = (self.number(v) for v in operation.arguments)
        lo, hi = a.lo + b.lo, a.hi + b.hi
        if b.lo == b.hi == Fraction(step.C1):
            require(Fraction(2) ** 103 <= lo and hi <= Fraction(2) ** 104,
                    'a top leaves its binade')
            return Interval(lo - (1 << 50), hi + (1 << 50))
        # (rest of a24 E) + AA: the two cancel, whichever AA is.
        if a.magnitude() <= (1 << 53) and self.cancels(operation):
            slack = (1 << 50) + (1 << 17)
            return self.exact(Fraction(-slack), Fraction(slack), 'the rest of AA + a24 * E')
        return self.exact(lo, hi, 'a sum')

    def cancels(self, operation):
        rest, addend = operation.arguments
        if rest.operation != 'fms' or not self.is_rounding(rest.arguments[2]):
            return False
        return rest.arguments[2].arguments[0].arguments[0].arguments[2] is addend

    def fsub(self, operation):
        if self.is_rounding(operation):
            rounded = self.number(operation.arguments[0])
            c1 = Fraction(step.C1)
            return Interval(rounded.lo - c1, rounded.hi - c1)
        a, b = (self.number(v) for v in operation.arguments)
        lo, hi = a.lo - b.hi, a.hi - b.lo
        if a.lo >= Fraction(2) ** 103:  # a rest, of multiples of 2^51
            require(max(abs(lo), abs(hi)) < Fraction(2) ** 104, 'a rest is not exact')
            return Interval(lo, hi)
        return self.exact(lo, hi, 'a difference')

    def modular(self, lo, hi):
        require(hi - lo < 1 << 63, 'an integer column may wrap')
        return Interval(lo, hi, pattern=True)

    def iadd(self, operation):
        a, b = (self.integer(v) for v in operation.arguments)
        return self.modular(a.lo + b.lo, a.hi + b.hi)

    def isub(self, operation):
        a, b = (self.integer(v) for v in operation.arguments)
        return self.modular(a.lo - b.hi, a.hi - b.lo)

    def shl(self, operation):
        a = self.integer(operation.arguments[0])
        return self.modular(a.lo << operation.immediate, a.hi << operation.immediate)

    def shr(self, operation):
        """Logical: the pattern must not straddle a multiple of 2^64."""
        a = self.integer(operation.arguments[0])
        wraps = a.lo // WORD
        require(a.hi // WORD == wraps, 'a carry reads a column that wraps around')
        return Interval((a.lo - wraps * WORD) >> operation.immediate,
                        (a.hi - wraps * WORD) >> operation.immediate, pattern=True)

    def and_(self, operation):
        mask = operation.arguments[1]
        require(mask.immediate == step.MASK51, 'an unknown mask')
        return Interval(0, step.MASK51, pattern=True)

    def or_(self, operation):
        a, exponent = (self.integer(v) for v in operation.arguments)
        require(a.hi < exponent.lo & -exponent.lo, 'an exponent over bits that are set')
        return Interval(a.lo + exponent.lo, a.hi + exponent.lo, pattern=True)

    def mul32(self, operation):
        a, b = (self.integer(v) for v in operation.arguments)
        require(0 <= a.lo and a.hi < 1 << 32 and b.hi < 1 << 32, 'a factor over 32 bits')
        return Interval(a.lo * b.lo, a.hi * b.hi, pattern=True)

    def blend(self, operation):
        a, b = (self.number(v) for v in operation.arguments[:2])
        return Interval(min(a.lo, b.lo), max(a.hi, b.hi))

    def run(self):
        rules = {'and': self.and_, 'or': self.or_}
        for operation in self.program.operations:
            name = operation.operation
            if name == 'input':
                bound = Fraction(self.input_bound)
                self.known[operation.number] = Interval(-bound, bound)
            elif self.is_select(operation):
                self.known[operation.number] = Interval(0, WORD - 1, pattern=True)
            else:
                rule = rules.get(name) or getattr(self, name)
                self.known[operation.number] = rule(operation)
        return self

    @staticmethod
    def is_select(operation):
        return any(a.operation == 'input' and a.immediate == step.SLOT_SELECT
                   for a in operation.arguments) and operation.operation == 'iadd'

    def outputs(self):
        return {slot: self.number(self.program.operations[number])
                for number, slot in self.program.outputs.items() if slot != step.SLOT_SELECT}


def prove(program, bound=REDUCED):
    prover = Prover(program, bound).run()
    for slot, interval in prover.outputs().items():
        require(interval.magnitude() <= bound, f'slot {slot} is not reduced')
    return prover


class Bounds(unittest.TestCase):
    def test_reduced_in_gives_reduced_out(self):
        prover = prove(step.ladder_step())
        self.assertEqual(len(prover.outputs()), 4 * step.LIMBS)
        self.assertLess(prover.largest_product, 1 << 102)

    def test_doubling_too(self):
        self.assertEqual(len(prove(step.doubling()).outputs()), 2 * step.LIMBS)

    def test_the_bound_is_not_vacuous(self):
        # Sums of two reduced elements as factors: over by one part in 2^31, which must be seen.
        with self.assertRaisesRegex(BoundError, 'high half leaves|reaches 2\\^102'):
            prove(step.ladder_step(), 2 * REDUCED)

    def without(self, name, replacement, program=step.ladder_step):
        original = getattr(step, name)
        setattr(step, name, replacement)
        try:
            with self.assertRaises(BoundError):
                prove(program())
        finally:
            setattr(step, name, original)

    def test_each_dropped_carry_is_seen(self):
        original = step.carry
        cases = [(step.ladder_step, 9, i) for i in range(9)] + [(step.doubling, 4, i)
                                                                for i in range(4)]
        for program, carries, dropped in cases:
            calls = []

            def carry(program, column, dropped=dropped, calls=calls):
                calls.append(1)
                if len(calls) - 1 != dropped:
                    return original(program, column)
                # What is left of a carry that forgets the neighbours.
                return [program.fsub(program.emit('or', program.emit(
                    'and', value, program.bits(step.MASK51)), program.double(2.0**52)),
                    program.double(0.0)) for value in column]

            self.without('carry', carry, program)
            self.assertEqual(len(calls), carries)

    def test_a_missing_bias_is_seen(self):
        self.without('CARRY_MARGIN', -10000)

    def test_pairs_that_cost_too_much_are_seen(self):
        self.without('PAIR_COST_MAX', 4)


if __name__ == '__main__':
    unittest.main()
