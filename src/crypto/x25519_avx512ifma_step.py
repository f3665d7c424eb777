"""The X25519 ladder step for AVX-512 IFMA as a list of operations: eight lanes, 52-bit products.

A field element is five limbs, sum limb[i] * 2^(52 i). Reduced means limb[0] to limb[3] below 2^52
and limb[4] below 2^47 + 2^13: below the multiplier's 52 bits, which the carries must meet exactly.
This file says what is computed, in the formulas' order; x25519_avx512ifma_assemble.py orders the
operations for the CPU, allocates registers and writes the instructions, as assembly and as a table
for the portable model; and tests/crypto/x25519_avx512ifma_bounds_test.py proves over the same list
that no operation overflows and that every product and carry is what it claims to be.

Products. vpmadd52luq and vpmadd52huq multiply the low 52 bits of their factors and add the low or
the high 52 bits of the product to a 64-bit accumulator. In radix 2^52 the two halves of a[i] * b[j]
belong to the columns i + j and i + j + 1 as they are. The upper five columns fold by
2^260 = 608; they become the lower ones' first addend, so that the fold costs a multiplication each
and nothing else. So that 608 times a column fits 64 bits, the two largest are carried before.
"""

from dataclasses import dataclass, field

LIMBS = 5
RADIX_BITS = 52
TOP_BITS = 47
MASK64 = (1 << 64) - 1
MASK52 = (1 << RADIX_BITS) - 1
MASK47 = (1 << TOP_BITS) - 1
WRAP = 608  # 2^260 modulo p
WRAP_TOP = 19  # 2^255 modulo p
A24 = 121665  # (486662 - 2) / 4, RFC 7748, section 5
P = 2**255 - 19


@dataclass(eq=False)
class Value:
    """One vector of eight 64-bit lanes, assigned once."""
    number: int
    operation: str  # input, constant, or what Program's methods name
    arguments: list = field(default_factory=list)
    immediate: int = 0  # shift count, constant, or input's slot


class Program:
    """Operations in program order; `slots` names the memory that a step reads and writes. A claim
    (kind, values, sources) says what values are; it is proven, not assembled."""

    def __init__(self):
        self.operations = []
        self.constants = {}
        self.outputs = {}  # value number -> slot
        self.claims = []

    def emit(self, operation, *arguments, immediate=0):
        value = Value(len(self.operations), operation, list(arguments), immediate)
        self.operations.append(value)
        return value

    def input(self, slot):
        return self.emit('input', immediate=slot)

    def output(self, value, slot):
        self.outputs[value.number] = slot

    def constant(self, number):
        if number not in self.constants:
            self.constants[number] = Value(-1 - len(self.constants), 'constant', [], number)
        return self.constants[number]

    def low(self, sum_, a, b):
        """sum_ + (a b modulo 2^52)"""
        return self.emit('low', sum_, a, b)

    def high(self, sum_, a, b):
        """sum_ + floor(a b / 2^52)"""
        return self.emit('high', sum_, a, b)

    def times(self, a, factor):
        return self.emit('times', a, self.constant(factor))

    def add(self, a, b):
        return self.emit('add', a, b)

    def subtract(self, a, b):
        return self.emit('subtract', a, b)

    def mask(self, a, bits):
        return self.emit('and', a, self.constant(bits))

    def shift_right(self, a, count, signed=False):
        return self.emit('shift_right_signed' if signed else 'shift_right', a, immediate=count)

    def low52(self, a):
        """a modulo 2^52, by no instruction: the multiplier does not read the bits above. They must
        have been carried elsewhere."""
        return self.emit('low52', a)

    def claim(self, kind, values, *sources):
        self.claims.append((len(self.operations), kind, list(values), sources))


# A multiple of p that is added to a difference: it makes column 4 positive, and column 3, so that
# limb 4 does not borrow. The other columns are signed.
BIAS_MULTIPLE = 400
BIAS_3 = 700


def bias():
    return {0: -WRAP_TOP * BIAS_MULTIPLE, 3: BIAS_3 << RADIX_BITS,
            4: (BIAS_MULTIPLE << TOP_BITS) - BIAS_3}


def carry_into_next(p, column, k):
    above = p.shift_right(column[k], RADIX_BITS)
    column[k] = p.mask(column[k], MASK52)
    column[k + 1] = p.add(column[k + 1], above)


def accumulate(p, sums, terms):
    """Column by column in turn: neighbours do not wait for each other."""
    sums = list(sums)
    for position in range(max(map(len, terms))):
        for k, group in enumerate(terms):
            if position < len(group):
                operation, x, y = group[position]
                sums[k] = p.emit(operation, sums[k], x, y)
    return sums


def fold(p, column, factors):
    """The upper columns, times 608 or less, as the lower ones' first addends."""
    carry_into_next(p, column, 0)
    carry_into_next(p, column, 1)
    return [p.times(c, factor) for c, factor in zip(column, factors)]


def multiply(p, a, b):
    """Reduced factors give five columns."""
    terms = [[] for _ in range(2 * LIMBS)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            terms[i + j].append(('low', x, y))
            terms[i + j + 1].append(('high', x, y))
    column = accumulate(p, [p.constant(0)] * LIMBS, terms[LIMBS:])
    column = accumulate(p, fold(p, column, [WRAP] * LIMBS), terms[:LIMBS])
    p.claim('product', column, a, b)
    return column


def square(p, a):
    """As multiply(p, a, a). Products of two different limbs are added up first, then doubled, and
    the fold with them; limb 4 has room to be doubled itself."""
    crossed, single = ([[] for _ in range(2 * LIMBS)] for _ in range(2))
    twice = p.add(a[4], a[4])
    for i, x in enumerate(a):
        for j in range(i, LIMBS):
            terms = crossed if i < j < 4 else single
            y = twice if i < j == 4 else a[j]
            terms[i + j].append(('low', x, y))
            terms[i + j + 1].append(('high', x, y))

    def sum_up(first, crossed, single):
        sums = accumulate(p, first, crossed)
        sums = [p.add(s, s) if group else s for s, group in zip(sums, crossed)]
        return accumulate(p, sums, single)

    column = sum_up([p.constant(0)] * LIMBS, crossed[LIMBS:], single[LIMBS:])
    factors = [WRAP // 2 if group else WRAP for group in crossed[:LIMBS]]
    column = sum_up(fold(p, column, factors), crossed[:LIMBS], single[:LIMBS])
    p.claim('product', column, a, a)
    return column


def carry(p, column, signed=False):
    """Columns to a reduced element; `signed`: of a difference. What is above 2^255 is known but for
    the last carry, which limb 4 has room for; so one pass is exact."""
    above = p.shift_right(column[4], TOP_BITS)
    limbs = [p.low(column[0], above, p.constant(WRAP_TOP)), *column[1:4],
             p.mask(column[4], MASK47)]
    for k in range(LIMBS - 1):
        limbs[k + 1] = p.add(limbs[k + 1], p.shift_right(limbs[k], RADIX_BITS, signed))
        limbs[k] = p.low52(limbs[k])
    return limbs


def reduced(p, column):
    limbs = carry(p, column)
    p.claim('sum', limbs, column)
    return limbs


def add(p, x, y):
    """x + y, columns of each, as a reduced element."""
    limbs = carry(p, [p.add(a, b) for a, b in zip(x, y)])
    p.claim('sum', limbs, x, y)
    return limbs


def subtract(p, x, y):
    """x - y, columns of each, as a reduced element."""
    difference = [p.subtract(a, b) for a, b in zip(x, y)]
    for k, constant in bias().items():
        difference[k] = p.add(difference[k], p.constant(constant))
    limbs = carry(p, difference, signed=True)
    p.claim('difference', limbs, x, y)
    return limbs


def add_a24_times(p, e, aa):
    """aa + a24 * e, columns, of the columns aa and a reduced e."""
    a24 = p.constant(A24)
    column = [p.low(aa[k], e[k], a24) for k in range(LIMBS)]
    for k in range(LIMBS - 1):
        column[k + 1] = p.high(column[k + 1], e[k], a24)
    column[0] = p.low(column[0], p.high(p.constant(0), e[4], a24), p.constant(WRAP))
    p.claim('a24', column, e, aa)
    return column


# Memory of a step, in vectors of 64 bytes.
SLOT_A, SLOT_B, SLOT_C, SLOT_D, SLOT_U1 = (LIMBS * i for i in range(5))
SLOT_SELECT = 5 * LIMBS
SLOT_SPILL = SLOT_SELECT + 1


def element(p, slot):
    return lows(p, [p.input(slot + i) for i in range(LIMBS)])


def lows(p, limbs):
    return [*(p.low52(limb) for limb in limbs[:4]), limbs[4]]


def selected(p, mask, x, y):
    """y where the mask has a bit, else x."""
    return lows(p, [p.emit('blend', a, b, mask) for a, b in zip(x, y)])


def output_element(p, limbs, slot):
    for i, limb in enumerate(limbs):
        p.output(limb, slot + i)


def doubled(p, aa_columns, bb_columns):
    """The rest of a doubling, behind its squares."""
    e = subtract(p, aa_columns, bb_columns)
    aa = reduced(p, aa_columns)
    bb = reduced(p, bb_columns)
    g = reduced(p, add_a24_times(p, e, aa_columns))
    x2 = multiply(p, aa, bb)
    z2 = multiply(p, e, g)
    output_element(p, add(p, x2, z2), SLOT_A)
    output_element(p, subtract(p, x2, z2), SLOT_B)


def doubling():
    """The ladder's doubling alone, of the point in A and B: for the bits of a clamped scalar that
    are known."""
    p = Program()
    doubled(p, square(p, element(p, SLOT_A)), square(p, element(p, SLOT_B)))
    return p


def ladder_step():
    """One step on A = x2 + z2, B = x2 - z2, C = x3 + z3, D = x3 - z3 (RFC 7748, section 5). The
    cross products are symmetric under the swap, so a step selects the two elements that it doubles,
    by the sign of SLOT_SELECT, instead of swapping four; then the next bit moves into the sign.
    Additions and subtractions are made on columns before the carry, so that sums come out reduced.
    """
    p = Program()
    a, b, c, d = (element(p, slot) for slot in (SLOT_A, SLOT_B, SLOT_C, SLOT_D))
    u1 = element(p, SLOT_U1)
    select = p.input(SLOT_SELECT)
    mask = p.emit('sign', select)
    p.output(p.emit('shift_left', select, immediate=1), SLOT_SELECT)
    da = multiply(p, d, a)
    cb = multiply(p, c, b)
    s = selected(p, mask, a, c)
    t = selected(p, mask, b, d)
    sum_ = add(p, da, cb)
    difference = subtract(p, da, cb)
    aa = square(p, s)
    bb = square(p, t)
    qq = reduced(p, square(p, difference))
    x3 = square(p, sum_)
    z3 = multiply(p, u1, qq)
    output_element(p, add(p, x3, z3), SLOT_C)
    output_element(p, subtract(p, x3, z3), SLOT_D)
    doubled(p, aa, bb)
    return p
