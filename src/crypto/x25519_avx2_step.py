"""The X25519 ladder step for AVX2 as a list of operations: four lanes, double-precision products.

A field element is five limbs, sum limb[i] * 2^(51 i), each a signed integer held in a double;
reduced means |limb| <= 2^50 + 2^12. This file says what is computed, product by product;
x25519_avx2_assemble.py orders the operations for the CPU, allocates registers and writes the
assembly, and tests/crypto/x25519_avx2_bounds_test.py proves the limb ranges over the same list.

Products. With C1 = 1.5 * 2^103, C3 = 1.5 * 2^52 and C2 = C1 + C3, all exact,
    high    h = fma(x, y, C1)     the product rounded to a multiple of 2^51, on top of C1
    rest    t = h - C2            exact
    low     l = fms(x, y, t)      what the rounding left, on top of C3: exact if |x y| < 2^102
and the bit patterns of l and h, read as 64-bit integers, are the two halves of the product plus
constants. They are added up in columns: l in column i + j, h in column i + j + 1. A second product
for the same column is taken on top of the first one's h, where the two are small enough together.
Every integer's constant part is tracked modulo 2^64 in `offset`; a constant is added only where a
carry needs another one.
"""

import struct
from dataclasses import dataclass, field

LIMBS = 5
RADIX_BITS = 51
MASK64 = (1 << 64) - 1
MASK51 = (1 << 51) - 1
HALF_LIMB = 1 << 50


def double_bits(value):
    return struct.unpack('<Q', struct.pack('<d', value))[0]


C1 = 1.5 * 2.0**103
C3 = 1.5 * 2.0**52
C2 = C1 + C3
# A bias of 2^50 in bits(h), for the carry's rounding, that costs no instruction.
C1_BIASED = C1 + 2.0**101
C2_BIASED = C1_BIASED + C3
A24 = 121665.0  # (486662 - 2) / 4, RFC 7748, section 5

OFFSET_HIGH = double_bits(C1)
OFFSET_LOW = double_bits(C3)


@dataclass(eq=False)
class Value:
    """One vector of four 64-bit lanes, assigned once."""
    number: int
    operation: str  # input, constant, or what Program's methods name
    arguments: list = field(default_factory=list)
    immediate: int = 0  # shift count, constant's bits, or input's slot
    offset: int = 0  # constant part of the bit pattern read as an integer, modulo 2^64


class Program:
    """Operations in program order; `slots` names the memory that a step reads and writes."""

    def __init__(self):
        self.operations = []
        self.constants = {}
        self.outputs = {}  # value number -> slot
        self.added_biases = 0

    def emit(self, operation, *arguments, immediate=0, offset=0):
        value = Value(len(self.operations), operation, list(arguments), immediate, offset & MASK64)
        self.operations.append(value)
        return value

    def input(self, slot):
        return self.emit('input', immediate=slot)

    def output(self, value, slot):
        self.outputs[value.number] = slot

    def bits(self, pattern):
        pattern &= MASK64
        if pattern not in self.constants:
            self.constants[pattern] = Value(-1 - len(self.constants), 'constant', [], pattern)
        return self.constants[pattern]

    def double(self, number):
        return self.bits(double_bits(number))

    def fma(self, a, b, c):
        return self.emit('fma', a, b, c)

    def fms(self, a, b, c):
        return self.emit('fms', a, b, c)

    def fadd(self, a, b):
        return self.emit('fadd', a, b)

    def fsub(self, a, b):
        return self.emit('fsub', a, b)

    def iadd(self, a, b):
        return self.emit('iadd', a, b, offset=a.offset + b.offset)

    def isub(self, a, b):
        return self.emit('isub', a, b, offset=a.offset - b.offset)

    def shift_left(self, a, count):
        return self.emit('shl', a, immediate=count, offset=a.offset << count)


class Columns:
    """The ten columns of a product while terms are added to them."""

    def __init__(self, program):
        self.program = program
        self.sums = [None] * (2 * LIMBS)

    def add(self, k, value):
        before = self.sums[k]
        self.sums[k] = value if before is None else self.program.iadd(before, value)

    def add_single(self, k, x, y, biased):
        p = self.program
        high = p.fma(x, y, p.double(C1_BIASED if biased else C1))
        rest = p.fsub(high, p.double(C2_BIASED if biased else C2))
        low = p.fms(x, y, rest)
        high.offset = OFFSET_HIGH + (HALF_LIMB if biased else 0)
        low.offset = OFFSET_LOW
        self.add(k, low)
        self.add(k + 1, high)

    def add_pair(self, k, first, second):
        p = self.program
        high = p.fma(*first, p.double(C1))
        low = p.fms(*first, p.fsub(high, p.double(C2)))
        both = p.fma(*second, high)
        low_second = p.fms(*second, p.fsub(both, high))
        low_both = p.fadd(low, low_second)
        both.offset = OFFSET_HIGH
        low_both.offset = OFFSET_LOW
        self.add(k, low_both)
        self.add(k + 1, both)


# A term is (x, y, cost), |x y| <= cost * 2^100 but for a few parts in 2^28. Two terms share an h
# if their costs sum to at most 3: h must stay within [2^103, 2^104).
PAIR_COST_MAX = 3


def sum_of_products(program, terms, biased):
    """terms[k]: those of column k. `biased`: each even column takes one cost-1 single with the
    bias, which reaches every lower column, because 19 * 2^50 = 2^50 modulo 2^51."""
    columns = Columns(program)
    for k, group in enumerate(terms):
        waiting = sorted(group, key=lambda term: -term[2])
        singles = []
        if biased and k % 2 == 0:
            chosen = next(term for term in group if term[2] == 1)
            waiting.remove(chosen)
            singles.append((chosen, True))
        pairs = []
        while waiting:
            first = waiting.pop(0)
            second = next((t for t in waiting if first[2] + t[2] <= PAIR_COST_MAX), None)
            if second is None:
                singles.append((first, False))
            else:
                waiting.remove(second)
                pairs.append((first, second))
        for (x, y, _), with_bias in singles:
            columns.add_single(k, x, y, with_bias)
        for first, second in pairs:
            columns.add_pair(k, first[:2], second[:2])
    return fold(program, columns.sums)


def fold(program, column):
    """2^255 = 19: column[k] + 19 * column[k + 5]."""
    folded = []
    for low, high in zip(column[:LIMBS], column[LIMBS:]):
        sixteen = program.shift_left(high, 4)
        two = program.iadd(high, high)
        folded.append(program.iadd(program.iadd(low, high), program.iadd(sixteen, two)))
    return folded


def multiply(program, a, b, biased=True, cost=1):
    terms = [[(a[i], b[k - i], cost) for i in range(LIMBS) if 0 <= k - i < LIMBS]
             for k in range(2 * LIMBS - 1)]
    return sum_of_products(program, terms, biased)


def square(program, a, biased=True):
    doubled = [program.fadd(limb, limb) for limb in a[:-1]]
    terms = [[] for _ in range(2 * LIMBS - 1)]
    for i in range(LIMBS):
        terms[2 * i].append((a[i], a[i], 1))
        for j in range(i + 1, LIMBS):
            terms[i + j].append((doubled[i], a[j], 2))
    return sum_of_products(program, terms, biased)


# Of (offset >> 51) mod 8192: how far from a wrap-around of 64 bits a carry's input must stay, in
# limbs. Columns reach 151 of them.
CARRY_MARGIN = 200


def carry(program, column):
    """Integer columns to reduced limbs, all carries at once: the part below 2^51 becomes a double
    by an exponent, and takes the neighbour's part above, 19 times where it wraps around."""
    tops, bottoms, constants = [], [], []
    for value in column:
        top = value.offset >> RADIX_BITS & 8191
        if value.offset & MASK51 != HALF_LIMB or not CARRY_MARGIN <= top <= 8192 - CARRY_MARGIN:
            bias = (HALF_LIMB + (4096 << RADIX_BITS) - value.offset) & MASK64
            value = program.emit('iadd', value, program.bits(bias), offset=value.offset + bias)
            program.added_biases += 1
        constants.append(value.offset >> RADIX_BITS & 8191)
        tops.append(program.emit('shr', value, immediate=RADIX_BITS))
        below = program.emit('and', value, program.bits(MASK51))
        bottoms.append(program.emit('or', below, program.double(2.0**52)))
    limbs = []
    for k in range(LIMBS):
        if k == 0:
            # One multiplication instead of a shift and three additions: 2 % on Zen 5.
            carried = program.emit('mul32', tops[-1], program.bits(19))
        else:
            carried = tops[k - 1]
        constant = 2.0**52 + HALF_LIMB + (19 * constants[-1] if k == 0 else constants[k - 1])
        total = program.emit('iadd', bottoms[k], carried)
        limbs.append(program.fsub(total, program.double(constant)))
    return limbs


def add_a24_times(program, e, aa):
    """aa + a24 * e, in floating point whole. e is a difference of reduced elements, as it is."""
    a24 = program.double(A24)
    magic = program.double(C1)
    tops, rests = [], []
    for e_limb, aa_limb in zip(e, aa):
        total = program.fma(e_limb, a24, aa_limb)
        top = program.fsub(program.fadd(total, magic), magic)
        tops.append(top)
        rests.append(program.fadd(program.fms(e_limb, a24, top), aa_limb))
    return [program.fma(tops[k - 1], program.double((19 if k == 0 else 1) * 2.0**-51), rests[k])
            for k in range(LIMBS)]


# Memory of a step, in vectors of 32 bytes.
SLOT_A, SLOT_B, SLOT_C, SLOT_D, SLOT_U1 = (LIMBS * i for i in range(5))
SLOT_SELECT = 5 * LIMBS
SLOT_SPILL = SLOT_SELECT + 1


def element(program, slot):
    return [program.input(slot + i) for i in range(LIMBS)]


def each(operation, x, y):
    return [operation(x[k], y[k]) for k in range(LIMBS)]


def output_element(program, limbs, slot):
    for i, limb in enumerate(limbs):
        program.output(limb, slot + i)


def doubling():
    """The ladder's doubling alone, of the point in A and B: for the bits of a clamped scalar that
    are known."""
    p = Program()
    aa = carry(p, square(p, element(p, SLOT_A)))
    bb = carry(p, square(p, element(p, SLOT_B)))
    e = each(p.fsub, aa, bb)
    g = add_a24_times(p, e, aa)
    x2 = multiply(p, aa, bb)
    z2 = multiply(p, e, g, biased=False, cost=2)
    output_element(p, carry(p, each(p.iadd, x2, z2)), SLOT_A)
    output_element(p, carry(p, each(p.isub, x2, z2)), SLOT_B)
    return p


def ladder_step():
    """One step on A = x2 + z2, B = x2 - z2, C = x3 + z3, D = x3 - z3 (RFC 7748, section 5). The
    cross products are symmetric under the swap, so a step selects the two elements that it doubles,
    by the sign of SLOT_SELECT, instead of swapping four; then the next bit moves into the sign.
    Additions and subtractions are made on columns before the carry, so that sums come out reduced.

    The order of products and carries is the best of 1,500, found by moving one at a time: what
    waits for a carry's end stands behind something else, a square or a product. On an AMD EPYC,
    family 25, model 17 (Zen 4) that is 3 % less time than the formulas' order, 2 % with the fifth
    lane of x25519_avx2_mulx_assemble.py.
    """
    p = Program()

    a, b, c, d = (element(p, slot) for slot in (SLOT_A, SLOT_B, SLOT_C, SLOT_D))
    u1 = element(p, SLOT_U1)
    select = p.input(SLOT_SELECT)
    da = multiply(p, d, a)
    s = [p.emit('blend', x, y, select) for x, y in zip(a, c)]
    t = [p.emit('blend', x, y, select) for x, y in zip(b, d)]
    p.output(p.emit('iadd', select, select), SLOT_SELECT)
    cb = multiply(p, c, b, biased=False)
    sum_ = carry(p, each(p.iadd, da, cb))
    difference = carry(p, each(p.isub, da, cb))
    aa_columns = square(p, s)
    qq = carry(p, square(p, difference))
    aa = carry(p, aa_columns)
    bb_columns = square(p, t)
    x3 = square(p, sum_, biased=False)
    bb = carry(p, bb_columns)
    z3 = multiply(p, u1, qq)
    e = each(p.fsub, aa, bb)
    g = add_a24_times(p, e, aa)
    x2 = multiply(p, aa, bb)
    output_element(p, carry(p, each(p.isub, x3, z3)), SLOT_D)
    # e is twice as large as a reduced element, so each product counts 2 and stays alone.
    z2 = multiply(p, e, g, biased=False, cost=2)
    output_element(p, carry(p, each(p.iadd, x2, z2)), SLOT_A)
    output_element(p, carry(p, each(p.iadd, x3, z3)), SLOT_C)
    output_element(p, carry(p, each(p.isub, x2, z2)), SLOT_B)
    return p
