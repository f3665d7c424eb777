#!/usr/bin/python3
"""Proves the limb ranges and the carries of the AVX-512 IFMA ladder step, over the operation list
that is also assembled.

Two readings of each value, one rule per operation and nothing taken from the generator but the
list. An interval shows that no accumulator overflows and that the multiplier, which reads 52 bits,
is given no more. A linear form, a sum of atoms with integer coefficients, shows what is computed:
the high half of a product and the part that a shift takes out of a word are atoms, so that a carry
that is dropped, or arrives in another place, stays in the sum that ought to cancel it.
"""

import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'src' / 'crypto'))
sys.dont_write_bytecode = True
import x25519_avx512ifma_step as step  # noqa: E402

P = 2**255 - 19
WORD = 1 << 64
LIMB_END = 1 << 52
LIMB_4_END = (1 << 47) + (1 << 13)


class ProofError(AssertionError):
    pass


def require(condition, what):
    if not condition:
        raise ProofError(what)


def plus(a, b, factor=1):
    total = dict(a)
    for atom, coefficient in b.items():
        total[atom] = total.get(atom, 0) + factor * coefficient
    return total


def multiplied(a, b):
    """Of two linear forms; an atom of the product is a sorted pair."""
    total = {}
    for x, m in a.items():
        for y, n in b.items():
            if ('one',) in (x, y):
                atom = y if x == ('one',) else x
            else:
                atom = ('product', *sorted((x, y)))
            total[atom] = total.get(atom, 0) + m * n
    return total


class Prover:
    """Walks a program whose inputs are reduced elements."""

    def __init__(self, program):
        self.program = program
        self.interval = {}
        self.form = {}
        self.claims_proven = 0
        self.widest = 0

    def range_of(self, value):
        if value.operation == 'constant':
            return value.immediate, value.immediate
        return self.interval[value.number]

    def form_of(self, value):
        if value.operation == 'constant':
            return {('one',): value.immediate} if value.immediate else {}
        return self.form[value.number]

    def set(self, value, lo, hi, form):
        require(0 <= lo <= hi < WORD or -(WORD >> 1) <= lo <= hi < WORD >> 1,
                f'{value.operation} {value.number} may wrap around')
        self.widest = max(self.widest, hi)
        self.interval[value.number] = lo, hi
        self.form[value.number] = form

    def atom(self, value, lo, hi):
        self.set(value, lo, hi, {('value', value.number): 1})

    def factor(self, value):
        lo, hi = self.range_of(value)
        require(0 <= lo and hi < LIMB_END, 'a factor of more than 52 bits')
        return lo, hi

    def halves(self, value):
        """The largest product, and its high half as a form: none, where the low one is all."""
        sum_, a, b = value.arguments
        largest = self.factor(a)[1] * self.factor(b)[1]
        high = {('high', *sorted((a.number, b.number))): 1} if largest >= LIMB_END else {}
        return sum_, largest, high

    def low(self, value):
        sum_, largest, high = self.halves(value)
        lo, hi = self.range_of(sum_)
        product = multiplied(*(self.form_of(v) for v in value.arguments[1:]))
        self.set(value, lo, hi + min(largest, LIMB_END - 1),
                 plus(plus(self.form_of(sum_), product), high, -LIMB_END))

    def high(self, value):
        sum_, largest, high = self.halves(value)
        lo, hi = self.range_of(sum_)
        self.set(value, lo, hi + (largest >> 52), plus(self.form_of(sum_), high))

    def times(self, value):
        a, factor = value.arguments
        lo, hi = self.range_of(a)
        self.set(value, lo * factor.immediate, hi * factor.immediate,
                 plus({}, self.form_of(a), factor.immediate))

    def add(self, value):
        a, b = value.arguments
        (a_lo, a_hi), (b_lo, b_hi) = self.range_of(a), self.range_of(b)
        self.set(value, a_lo + b_lo, a_hi + b_hi, plus(self.form_of(a), self.form_of(b)))

    def subtract(self, value):
        a, b = value.arguments
        (a_lo, a_hi), (b_lo, b_hi) = self.range_of(a), self.range_of(b)
        self.set(value, a_lo - b_hi, a_hi - b_lo, plus(self.form_of(a), self.form_of(b), -1))

    def shift_right(self, value):
        require(self.range_of(value.arguments[0])[0] >= 0, 'a logical shift of a signed value')
        self.shift_right_signed(value)

    def shift_right_signed(self, value):
        lo, hi = self.range_of(value.arguments[0])
        require(value.operation == 'shift_right' or hi < WORD >> 1, 'a signed shift of 64 bits')
        self.set(value, lo >> value.immediate, hi >> value.immediate,
                 {('above', value.arguments[0].number, value.immediate): 1})

    def rest(self, value, a, bits):
        """a modulo 2^bits"""
        self.set(value, 0, (1 << bits) - 1,
                 plus(self.form_of(a), {('above', a.number, bits): -(1 << bits)}))

    def and_(self, value):
        a, mask = value.arguments
        bits = mask.immediate.bit_length()
        require(mask.immediate == (1 << bits) - 1, 'an unknown mask')
        self.rest(value, a, bits)

    def low52(self, value):
        source = value.arguments[0]
        if source.operation in ('input', 'blend'):  # whose upper bits mean nothing
            self.atom(value, 0, LIMB_END - 1)
        else:
            self.rest(value, source, 52)

    def input(self, value):
        limb = value.immediate % step.LIMBS
        self.atom(value, 0, LIMB_4_END - 1 if limb == 4 else WORD - 1)

    def blend(self, value):
        ranges = [self.range_of(v) for v in value.arguments[:2]]
        self.atom(value, 0, max(hi for _, hi in ranges))

    def sign(self, value):
        pass

    def shift_left(self, value):
        require(value.arguments[0].immediate == step.SLOT_SELECT, 'more than select bits shifted')

    def run(self):
        claims = list(self.program.claims)
        for position, value in enumerate([*self.program.operations, None]):
            while claims and claims[0][0] == position:
                self.prove_claim(*claims.pop(0)[1:])
            if value is not None:
                getattr(self, {'and': 'and_'}.get(value.operation, value.operation))(value)
        self.check_outputs()
        return self

    def number(self, limbs):
        total = {}
        for k, limb in enumerate(limbs):
            total = plus(total, self.form_of(limb), 1 << 52 * k)
        return total

    def prove_claim(self, kind, values, sources):
        x, y = (self.number(source) for source in [*sources, []][:2])
        expected = {'product': lambda: multiplied(x, y), 'sum': lambda: plus(x, y),
                    'difference': lambda: plus(x, y, -1), 'a24': lambda: plus(y, x, 121665)}[kind]()
        left = plus(self.number(values), expected, -1)
        require(all(coefficient % P == 0 for coefficient in left.values()),
                f'not the {kind} that it is said to be')
        # Known now: what follows takes them as they are.
        for value in values:
            self.form[value.number] = {('value', value.number): 1}
        self.claims_proven += 1

    def check_outputs(self):
        by_number = {o.number: o for o in self.program.operations}
        for number, slot in self.program.outputs.items():
            if slot == step.SLOT_SELECT:
                continue
            end = LIMB_4_END if slot % step.LIMBS == 4 else LIMB_END
            require(self.range_of(by_number[number])[1] < end, f'slot {slot} is not reduced')


class Machine:
    """Computes a program on integers, wrapped around like the CPU's."""

    def __init__(self, program, slots):
        self.outputs = {}
        known = {}

        def get(value):
            return value.immediate % WORD if value.operation == 'constant' else known[value.number]

        for o in program.operations:
            a = [get(v) for v in o.arguments]
            known[o.number] = {
                'input': lambda: slots[o.immediate],
                'low': lambda: a[0] + (a[1] % LIMB_END) * (a[2] % LIMB_END) % LIMB_END,
                'high': lambda: a[0] + ((a[1] % LIMB_END) * (a[2] % LIMB_END) >> 52),
                'times': lambda: a[0] * a[1],
                'add': lambda: a[0] + a[1],
                'subtract': lambda: a[0] - a[1],
                'and': lambda: a[0] & a[1],
                'shift_right': lambda: a[0] >> o.immediate,
                'shift_right_signed': lambda: (a[0] ^ 1 << 63) - (1 << 63) >> o.immediate,
                'shift_left': lambda: a[0] << o.immediate,
                'sign': lambda: a[0] >> 63,
                'blend': lambda: a[1] if a[2] else a[0],
                'low52': lambda: a[0],
            }[o.operation]() % WORD
        for number, slot in program.outputs.items():
            self.outputs[slot] = known[number]

    def element(self, slot):
        return value_of([self.outputs[slot + k] for k in range(step.LIMBS)])


def value_of(limbs):
    return sum(limb % LIMB_END << 52 * k for k, limb in enumerate(limbs)) % P


def slots_of(generator):
    """Limbs at the ends of their ranges and within, with anything above limbs 0 to 3."""
    slots = {}
    for slot in range(5 * step.LIMBS):
        end = LIMB_4_END if slot % 5 == 4 else LIMB_END
        limb = generator.choice([0, 1, end - 2, end - 1, generator.randrange(end)])
        slots[slot] = limb + (generator.randrange(1 << 12) << 52 if slot % 5 < 4 else 0)
    slots[step.SLOT_SELECT] = generator.randrange(WORD)
    return slots


def replaced(program, position, replacement):
    """The program without one operation: its result is an argument of it, or zero."""
    operation = program.operations[position]
    changed = step.Value(operation.number, 'add',
                         [replacement or program.constant(0), program.constant(0)])
    operations = [*program.operations]
    operations[position] = changed
    copies = {operation.number: changed}
    for i in range(position + 1, len(operations)):
        o = operations[i]
        if any(a.number in copies for a in o.arguments):
            operations[i] = step.Value(o.number, o.operation,
                                       [copies.get(a.number, a) for a in o.arguments], o.immediate)
            copies[o.number] = operations[i]
    mutated = step.Program()
    mutated.operations, mutated.outputs = operations, program.outputs
    mutated.claims = [(at, kind, [copies.get(v.number, v) for v in values],
                       [[copies.get(v.number, v) for v in source] for source in sources])
                      for at, kind, values, sources in program.claims]
    return mutated


class Bounds(unittest.TestCase):
    def test_ladder_step(self):
        prover = Prover(step.ladder_step()).run()
        self.assertEqual(prover.claims_proven, 9 + 11 + 1)
        self.assertLess(prover.widest, WORD)

    def test_doubling(self):
        self.assertEqual(Prover(step.doubling()).run().claims_proven, 4 + 6 + 1)

    def test_each_dropped_operation_is_seen(self):
        program = step.doubling()
        kinds = set()
        for position, o in enumerate(program.operations):
            if o.operation == 'input':
                continue
            kinds.add(o.operation)
            carry_alone = o.operation.startswith('shift_right')
            with self.assertRaises(ProofError, msg=f'{o.operation} {o.number}'):
                Prover(replaced(program, position, None if carry_alone else o.arguments[0])).run()
        self.assertEqual(kinds, {'low', 'high', 'times', 'add', 'subtract', 'and', 'shift_right',
                                 'shift_right_signed', 'low52'})

    def test_each_dropped_carry_of_the_ladder_step_is_seen(self):
        program = step.ladder_step()
        carries = [position for position, o in enumerate(program.operations)
                   if o.operation.startswith('shift_right')]
        self.assertEqual(len(carries), 9 * 2 + 11 * 5)
        for position in carries:
            with self.assertRaises(ProofError):
                Prover(replaced(program, position, None)).run()

    def test_larger_constants_are_seen(self):
        for name, value in (('BIAS_3', 2000), ('BIAS_3', 100), ('BIAS_MULTIPLE', 1), ('WRAP', 607),
                            ('WRAP_TOP', 18)):
            original = getattr(step, name)
            setattr(step, name, value)
            try:
                with self.assertRaises(ProofError, msg=name):
                    Prover(step.ladder_step()).run()
            finally:
                setattr(step, name, original)


class Values(unittest.TestCase):
    """The claims say what each part computes; this, that the parts make the formulas."""

    def test_ladder_step_follows_the_formulas(self):
        generator = random.Random(1)
        program = step.ladder_step()
        for _ in range(60):
            slots = slots_of(generator)
            a, b, c, d, u1 = (value_of([slots[5 * e + k] for k in range(5)]) for e in range(5))
            x3, z3 = (d * a + c * b) ** 2, u1 * (d * a - c * b) ** 2
            if slots[step.SLOT_SELECT] >> 63:
                a, b = c, d
            machine = Machine(program, slots)
            self.check_doubling(machine, a, b)
            self.assertEqual(machine.element(step.SLOT_C), (x3 + z3) % P)
            self.assertEqual(machine.element(step.SLOT_D), (x3 - z3) % P)
            self.assertEqual(machine.outputs[step.SLOT_SELECT],
                             slots[step.SLOT_SELECT] * 2 % WORD)

    def test_doubling_follows_the_formulas(self):
        generator = random.Random(2)
        program = step.doubling()
        for _ in range(60):
            slots = slots_of(generator)
            self.check_doubling(Machine(program, slots),
                                *(value_of([slots[5 * e + k] for k in range(5)]) for e in (0, 1)))

    def check_doubling(self, machine, a, b):
        e = a * a - b * b
        x2, z2 = a * a * b * b, e * (a * a + 121665 * e)
        self.assertEqual(machine.element(step.SLOT_A), (x2 + z2) % P)
        self.assertEqual(machine.element(step.SLOT_B), (x2 - z2) % P)


if __name__ == '__main__':
    unittest.main()
