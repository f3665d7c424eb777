#!/usr/bin/python3
"""Proves the ranges of the mulx ladder step, and that no carry is lost, over the instruction list
that is also assembled.

Every value is a form, an exact linear combination of atoms, with an interval that it lies in. Atoms
are the words of elements, products of two words, high halves of products, and carries. An addition
adds forms and takes away 2^64 times its carry, so that carries which are passed on cancel by
themselves; what is left of a claim's two sides is the carries that were dropped. One that weighs
more than the whole number can be is zero.
"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'src' / 'crypto'))
sys.dont_write_bytecode = True
import x25519_mulx_step as step  # noqa: E402

WORD = 1 << 64
END = 1 << 256
P = (1 << 255) - 19
REDUCED = (1 << 255) + (1 << 210)
ONE = 'one'


class ProofError(AssertionError):
    pass


def require(condition, what):
    if not condition:
        raise ProofError(what)


class Value:
    """form: atom -> coefficient; low <= value <= high."""

    def __init__(self, form, low, high):
        require(0 <= low <= high < WORD, 'not a word')
        self.form, self.low, self.high = form, low, high


def constant(number):
    return Value({ONE: number} if number else {}, number, number)


def combine(*weighted_forms):
    total = {}
    for weight, form in weighted_forms:
        for atom, coefficient in form.items():
            total[atom] = total.get(atom, 0) + weight * coefficient
    return {atom: coefficient for atom, coefficient in total.items() if coefficient}


def multiply_atoms(a, b):
    if ONE in (a, b):
        return a if b == ONE else b
    return ('product', *sorted((a, b)))


def multiply_forms(a, b):
    return combine(*((x * y, {multiply_atoms(i, j): 1})
                     for i, x in a.items() for j, y in b.items()))


class Prover:
    def __init__(self, program):
        self.program = program
        self.values = {}  # operand -> Value
        self.flag = None  # the carry flag's form, None where it is not defined
        self.atoms = 0
        self.carries = set()
        self.zero = set()  # carries proved to be zero
        self.snapshots = {}
        self.bounds = {}  # an element's word atoms -> its largest value
        self.exact_bound = {}  # words -> their largest value by the latest exact claim
        self.after_flag = {}  # carry -> (least, largest) value of the words where it is set
        self.claims = 0

    def atom(self, name):
        self.atoms += 1
        return (name, self.atoms)

    def fresh_element(self, operands, bound):
        atoms = tuple(self.atom('word') for _ in operands)
        self.bounds[atoms] = bound
        for operand, atom in zip(operands, atoms):
            self.values[operand] = Value({atom: 1}, 0, WORD - 1)

    def read(self, operand):
        if isinstance(operand, int):
            return constant(operand)
        require(operand in self.values, 'an operand that nothing has written')
        return self.values[operand]

    def clean(self, form):
        return {atom: c for atom, c in form.items() if atom not in self.zero}

    def flag_form(self):
        require(self.flag is not None, 'the carry flag is not defined')
        return self.flag

    def carried(self, form, low, high):
        """A sum's or difference's word, and the flag: one of -2^64, 0 and 2^64 is taken away."""
        self.flag = {}
        if 0 <= low and high < WORD:
            return Value(form, low, high)
        carry = self.atom('carry')
        self.carries.add(carry)
        self.flag = {carry: 1}
        return Value(combine((1, form), (WORD if low < 0 else -WORD, self.flag)), 0, WORD - 1)

    def add(self, source, target, flag=None):
        a, b, flag = self.read(source), self.read(target), flag or {}
        form = combine((1, a.form), (1, b.form), (1, flag))
        self.values[target] = self.carried(form, a.low + b.low, a.high + b.high + bool(flag))

    def adc(self, source, target):
        self.add(source, target, self.flag_form())

    def sub(self, source, target, flag=None):
        a, b, flag = self.read(source), self.read(target), flag or {}
        form = combine((1, b.form), (-1, a.form), (-1, flag))
        self.values[target] = self.carried(form, b.low - a.high - bool(flag), b.high - a.low)

    def sbb(self, source, target):
        flag = self.flag_form()
        if source is not target:
            self.sub(source, target, flag)
            return
        # All ones where the flag is set; the flag stays.
        self.values[target] = Value(combine((WORD - 1, flag)), 0, WORD - 1)

    def and_(self, mask, target):
        form = self.read(target).form
        require(all(atom in self.carries and c == WORD - 1 for atom, c in form.items())
                and len(form) <= 1, 'and of something else than a mask')
        self.values[target] = Value({atom: mask for atom in form}, 0, mask)
        self.flag = {}

    def mov(self, source, target):
        self.values[target] = self.read(source)

    def mulx(self, source, low, high):
        a, b = self.read(step.FACTOR), self.read(source)
        top = self.atom('high')
        product = multiply_forms(self.clean(a.form), self.clean(b.form))
        self.values[low] = Value(combine((1, product), (-WORD, {top: 1})), 0, WORD - 1)
        self.values[high] = Value({top: 1}, 0, a.high * b.high >> 64)

    def imul(self, factor, source, target):
        a = self.read(source)
        require(a.high * factor < WORD, 'imul drops a high word')
        self.values[target] = Value(combine((factor, a.form)), a.low * factor, a.high * factor)
        self.flag = None

    def shr(self, count, target):
        a = self.read(target)
        form = self.clean(a.form)
        require(count == 1 and all(c % 2 == 0 for c in form.values()), 'shr drops a bit')
        self.values[target] = Value({atom: c // 2 for atom, c in form.items()}, a.low >> 1,
                                    a.high >> 1)
        self.flag = None

    def cmovc(self, source, target):
        (flag,) = self.flag_form()
        a, b = self.read(source), self.read(target)
        self.values[target] = Value({self.atom('choice'): 1}, min(a.low, b.low),
                                    max(a.high, b.high))

    def number(self, operands):
        return combine(*((1 << 64 * i, self.clean(self.read(operand).form))
                         for i, operand in enumerate(operands)))

    def factor(self, snapshot, index):
        return self.snapshots[id(snapshot)][index]

    def difference(self, claim):
        """The words less the terms: what is left of the forms."""
        terms = []
        for weight, *factors in claim.terms:
            form = {ONE: 1}
            for factor in factors:
                form = multiply_forms(form, self.clean(self.factor(*factor).form))
            terms.append((-weight, form))
        return combine((1, self.number(claim.words)), *terms)

    def largest(self, terms):
        total = 0
        for weight, *factors in terms:
            require(weight > 0, 'a bound of a difference')
            for factor in factors:
                weight *= self.factor(*factor).high
            total += weight
        return total

    def exact(self, claim):
        bound = self.largest(claim.terms)
        for atom, coefficient in self.difference(claim).items():
            # words + sum of weight * carry = terms <= bound
            require(atom in self.carries and -coefficient > bound, 'not exact')
            self.zero.add(atom)
        self.exact_bound[claim.words] = bound

    def reduced(self, claim):
        require(all(c % P == 0 for c in self.difference(claim).values()), 'not congruent')
        bound = self.exact_bound.pop(claim.words)
        require(bound < REDUCED, 'not reduced')
        self.fresh_element(claim.words, bound)

    def bound_of(self, claim, sign):
        """The largest value of the element that has this sign in a sum of two."""
        atoms = []
        for weight, (snapshot, index) in claim.terms:
            if weight * sign > 0:
                (atom,) = self.factor(snapshot, index).form
                atoms.append(atom)
        elements = [tuple(atoms[i:i + step.WORDS]) for i in range(0, len(atoms), step.WORDS)]
        require(all(e in self.bounds for e in elements), 'not the words of an element')
        require(all(self.bounds[e] < REDUCED for e in elements), 'an operand is not reduced')
        return sum(self.bounds[e] for e in elements)

    def carried_claim(self, claim):
        (flag,) = self.flag_form()
        require(self.difference(claim) == {flag: -END}, 'not the carry of a sum')
        self.after_flag[flag] = (0, self.bound_of(claim, 1) - END)

    def borrowed(self, claim):
        (flag,) = self.flag_form()
        require(self.difference(claim) == {flag: END}, 'not the borrow of a difference')
        self.after_flag[flag] = (END - self.bound_of(claim, -1), END - 1)

    def folded(self, claim):
        """The flag takes 2^256 away and puts 38 back, or the other way round; that leaves no second
        carry, as the words show where the flag is set, and where it is not nothing is put back."""
        left = self.difference(claim)
        flags = [atom for atom in left if atom in self.after_flag]
        require(len(flags) == 1, 'not one flag')
        flag = flags[0]
        least, largest = self.after_flag[flag]
        sign = -1 if left[flag] < 0 else 1
        require(left.pop(flag) == sign * (END - 38), 'not the correction for a flag')
        require((largest + 38 < END) if sign < 0 else (least - 38 >= 0), 'a second carry')
        require(all(atom in self.carries and c == sign * END for atom, c in left.items())
                and len(left) <= 1, 'not congruent')
        self.zero.update(left)
        self.fresh_element(claim.words, END - 1)

    RULES = {'and': 'and_', 'carried': 'carried_claim'}

    def run(self):
        for name in 'ABCDU':
            self.fresh_element(step.element(name), END - 1)
        self.values[step.Memory(step.SLOT_SELECT)] = Value({self.atom('select'): 1}, 0, WORD - 1)
        for item in self.program.items:
            if isinstance(item, step.Snapshot):
                self.snapshots[id(item)] = [self.read(operand) for operand in item.operands]
            elif isinstance(item, step.Claim):
                self.claims += 1
                getattr(self, self.RULES.get(item.kind, item.kind))(item)
            else:
                name = item.mnemonic
                getattr(self, self.RULES.get(name, name))(*item.operands)
        return self

    def bound(self, name):
        """Of an element in memory."""
        atoms = []
        for operand in step.element(name):
            (atom,) = self.values[operand].form
            atoms.append(atom)
        require(tuple(atoms) in self.bounds, f'{name} is not an element')
        return self.bounds[tuple(atoms)]


def prove(program):
    return Prover(program).run()


def operation(compute, reduced):
    """G = compute(x, y) of two loose elements in memory, or of two reduced ones."""
    p = step.Program()
    x, y = step.element('A'), step.element('B')
    if reduced:
        step.store(p, step.squared(p, x), 'AA')
        step.store(p, step.squared(p, y), 'BB')
        x, y = step.element('AA'), step.element('BB')
    begin = len(p.items)
    step.store(p, compute(p, x, y), 'G')
    return p, begin


OPERATIONS = {
    'multiply': (step.multiply, False),
    'square': (lambda p, x, _: step.squared(p, x), False),
    'fold': (lambda p, x, y: step.fold(p, x, y, step.A24), False),
    'add': (lambda p, x, y: step.add(p, x, [p.load(word) for word in y]), True),
    'subtract': (step.subtract, True),
}
ARITHMETIC = {'add', 'adc', 'sub', 'sbb', 'and', 'shr', 'imul'}


class Bounds(unittest.TestCase):
    def test_ladder_step(self):
        prover = prove(step.ladder_step())
        for name in 'ABCD':
            self.assertLess(prover.bound(name), END)
        for name in ('AA', 'BB', 'DA', 'SS', 'TT', 'X2'):
            self.assertLess(prover.bound(name), (1 << 255) + (1 << 198))
        self.assertLess(prover.bound('G'), REDUCED)
        # Five products of five claims and a fold of two; four squares of two and a fold of two; one
        # fold; three sums and four differences of two.
        self.assertEqual(prover.claims, 5 * 6 + 4 * 4 + 2 + 7 * 2)

    def test_doubling(self):
        prover = prove(step.doubling())
        for name in 'AB':
            self.assertLess(prover.bound(name), END)

    def test_operations(self):
        for name, (compute, reduced) in OPERATIONS.items():
            with self.subTest(name):
                self.assertLess(prove(operation(compute, reduced)[0]).bound('G'), END)

    def test_sums_and_differences_of_loose_elements_are_refused(self):
        for name in ('add', 'subtract'):
            with self.subTest(name), self.assertRaisesRegex(ProofError, 'operand is not reduced'):
                prove(operation(OPERATIONS[name][0], reduced=False)[0])

    def test_a_large_factor_is_refused(self):
        with self.assertRaises(ProofError):
            prove(operation(lambda p, x, y: step.fold(p, x, y, 1 << 62), False)[0])

    def mutants(self, change):
        """Each arithmetic instruction of each operation, changed by `change`."""
        for name, (compute, reduced) in OPERATIONS.items():
            program, begin = operation(compute, reduced)
            for i, item in enumerate(program.items):
                if i < begin or not isinstance(item, step.Instruction):
                    continue
                changed = change(item)
                if changed is not None:
                    mutant = step.Program()
                    mutant.items = program.items[:i] + changed + program.items[i + 1:]
                    yield f'{name}, item {i}: {item.mnemonic}', mutant

    def expect_all_refused(self, change, at_least):
        count = 0
        for name, mutant in self.mutants(change):
            count += 1
            with self.subTest(name), self.assertRaises(ProofError):
                prove(mutant)
        self.assertGreaterEqual(count, at_least)

    def test_each_left_out_instruction_is_seen(self):
        self.expect_all_refused(lambda i: [] if i.mnemonic in ARITHMETIC else None, 113)

    def test_each_forgotten_carry_is_seen(self):
        plain = {'adc': 'add', 'sbb': 'sub'}
        self.expect_all_refused(
            lambda i: [step.Instruction(plain[i.mnemonic], i.operands)]
            if i.mnemonic in plain and i.operands[0] is not i.operands[-1] else None, 70)

    def test_each_wrong_constant_is_seen(self):
        def change(instruction):
            first, *rest = instruction.operands
            if not isinstance(first, int) or first in (0, 1):
                return None
            return [step.Instruction(instruction.mnemonic, (first + 1, *rest))]
        self.expect_all_refused(change, 8)


if __name__ == '__main__':
    unittest.main()
