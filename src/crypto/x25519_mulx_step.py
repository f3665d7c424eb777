"""The X25519 ladder step for BMI2 as a list of instructions, one lane.

A field element is four 64-bit words, sum word[i] * 2^(64 i), modulo p = 2^255 - 19; 2^256 = 38.
Two ranges are in use:
    loose     below 2^256
    reduced   below 2^255 + 2^210
Products take loose and give reduced, sums and differences take reduced and give loose. This file
says what is computed and in which order; x25519_mulx_assemble.py allocates registers and writes the
assembly, and tests/crypto/x25519_mulx_bounds_test.py proves the ranges, and that no carry is lost,
over the very same list: claims stand in it for the places where that is not plain.

Measured on Zen 5, in core cycles: a multiplication takes 23 among others and 33 alone, a square 18
and 30, a step 240. What counts is how much is executed, not latency: the step takes as long with
all its operations made independent of each other. Tried, in TSC cycles against a step of 150:
    functions that multiply and square, C++ around them       182
    two carry chains at once by adcx and adox                 153, for the zeros that end each chain
    other orders of what is independent                       150 to 163
    G, BB and TT as factors from registers, not from memory   157, for the dependent neighbours
On an AMD EPYC, family 25, model 17 (Zen 4), a step takes 229 TSC cycles, 320 core cycles; the order
of ladder_step() is the best of 900 there, 4 % faster than with D * A first. mulx is what it waits
for: 151 with a simpler instruction in place of each.
Without effect: two multiplications interleaved row by row, mulx some places ahead of the additions,
lea for the multiplication by 19.
"""

from dataclasses import dataclass

WORDS = 4
A24 = 121665  # (486662 - 2) / 4, RFC 7748, section 5


class Register:
    """A general register yet to be chosen; each of its values ends with its last use."""


# mulx reads its first factor from rdx.
FACTOR = Register()


@dataclass(frozen=True)
class Memory:
    slot: int


@dataclass(frozen=True)
class Instruction:
    """In the order of AT&T's assembly: sources, then targets. What add, adc, sub, sbb, and, shr and
    cmovc write they read, too."""
    mnemonic: str
    operands: tuple


@dataclass(frozen=True)
class Snapshot:
    """What the operands hold at a place in the list."""
    operands: tuple


@dataclass(frozen=True)
class Claim:
    """Something to be proved of what `words` hold at a place in the list. Words are the number
    sum words[i] 2^(64 i); `terms` are (weight, factor...), a factor is (snapshot, index).
    exact       words = sum of the terms: no carry is lost
    reduced     the same modulo p, and the words are reduced
    carried     words + 2^256 * carry flag = sum of the terms
    borrowed    words - 2^256 * carry flag = sum of the terms
    folded      words = sum of the terms modulo p, after the correction for that flag"""
    kind: str
    words: tuple
    terms: tuple


class Program:
    """Instructions, with snapshots and claims between them."""

    def __init__(self):
        self.items = []

    def emit(self, mnemonic, *operands):
        self.items.append(Instruction(mnemonic, operands))

    def snapshot(self, operands):
        self.items.append(Snapshot(tuple(operands)))
        return self.items[-1]

    def claim(self, kind, words, terms):
        self.items.append(Claim(kind, tuple(words), tuple(terms)))

    def load(self, source):
        target = Register()
        self.emit('mov', source, target)
        return target

    def multiply_factor(self, source):
        """FACTOR * source, low and high word; flags stay."""
        low, high = Register(), Register()
        self.emit('mulx', source, low, high)
        return low, high

    def add(self, sources, targets):
        """Adds in one carry chain; the last carry stays in the flag."""
        for i, (source, target) in enumerate(zip(sources, targets)):
            self.emit('adc' if i else 'add', source, target)

    def subtract(self, sources, targets):
        for i, (source, target) in enumerate(zip(sources, targets)):
            self.emit('sbb' if i else 'sub', source, target)


def weighted(snapshot, sign=1):
    """The number whose words these are, as terms of a claim."""
    return [(sign << 64 * i, (snapshot, i)) for i in range(len(snapshot.operands))]


def product_terms(a, b):
    return [(1 << 64 * (i + j), (a, i), (b, j)) for i in range(WORDS) for j in range(WORDS)]


def row(p, factor, b):
    """factor * b in five words. No carry is lost: a high word is at most 2^64 - 2."""
    p.emit('mov', factor, FACTOR)
    low, carried = p.multiply_factor(b[0])
    words = [low, carried]
    for j in range(1, WORDS):
        low, high = p.multiply_factor(b[j])
        p.emit('adc' if j > 1 else 'add', low, words[j])
        words.append(high)
    p.emit('adc', 0, words[WORDS])
    return words


def product(p, a, b):
    """a * b in eight words; loose."""
    before_a, before_b = p.snapshot(a), p.snapshot(b)
    words = row(p, a[0], b)
    for i in range(1, WORDS):
        above = p.snapshot(words[i:])
        addend = row(p, a[i], b)
        p.add(words[i:] + [0], addend)
        words[i:] = addend
        # 2^256 - 1 + (2^64 - 1) (2^256 - 1) < 2^320
        p.claim('exact', addend, weighted(above) + [
            (1 << 64 * j, (before_a, i), (before_b, j)) for j in range(WORDS)])
    p.claim('exact', words, product_terms(before_a, before_b))
    return words


def square(p, a):
    """a^2 in eight words; loose. Six products a[i] a[j] of i < j, doubled, and four squares."""
    before = p.snapshot(a)
    word = [None] * (2 * WORDS)
    p.emit('mov', a[0], FACTOR)
    word[1], word[2] = p.multiply_factor(a[1])
    low2, word[3] = p.multiply_factor(a[2])
    low3, word[4] = p.multiply_factor(a[3])
    p.add([low2, low3, 0], word[2:5])
    word[0], square0 = p.multiply_factor(FACTOR)
    p.emit('mov', a[1], FACTOR)
    low, middle = p.multiply_factor(a[2])
    addend, word[5] = p.multiply_factor(a[3])
    p.add([addend, 0], [middle, word[5]])
    p.add([low, middle], word[3:5])
    p.emit('mov', a[2], FACTOR)
    low, word[6] = p.multiply_factor(a[3])
    p.emit('adc', low, word[5])
    p.emit('adc', 0, word[6])
    p.claim('exact', word[1:7], [(1 << 64 * (i + j - 1), (before, i), (before, j))
                                 for i in range(WORDS) for j in range(i + 1, WORDS)])
    p.emit('mov', a[3], FACTOR)
    square6, word[7] = p.multiply_factor(FACTOR)
    p.add(word[1:7] + [0], word[1:7] + [word[7]])
    p.emit('add', square0, word[1])
    for i in (1, 2):
        p.emit('mov', a[i], FACTOR)
        low, high = p.multiply_factor(FACTOR)
        p.emit('adc', low, word[2 * i])
        p.emit('adc', high, word[2 * i + 1])
    p.emit('adc', square6, word[6])
    p.emit('adc', 0, word[7])
    p.claim('exact', word, product_terms(before, before))
    return word


def fold(p, low, high, factor=38):
    """low + factor * high modulo p, for factor < 2^17; four words each, loose, gives reduced.
    What is above 2^255 is known before the last carries of the words below it, which may then pass
    2^255 by little."""
    before_low, before_high = p.snapshot(low), p.snapshot(high)
    p.emit('mov', factor, FACTOR)
    top, quotient = p.multiply_factor(high[3])
    words, carried = zip(*[p.multiply_factor(high[i]) for i in range(3)])
    words = [*words, top]
    p.add([*low, 0], [*words, quotient])
    p.add([top, quotient], [top, quotient])
    p.emit('shr', 1, top)
    p.emit('imul', 19, quotient, quotient)
    parts = p.snapshot([*words, quotient, *carried])
    p.add([quotient, *carried], words)
    p.claim('exact', words, [(1 << 64 * i, (parts, i)) for i in range(4)] + [(1, (parts, 4))] +
            [(1 << 64 * i, (parts, 4 + i)) for i in range(1, 4)])
    p.claim('reduced', words, weighted(before_low) + [
        (factor << 64 * i, (before_high, i)) for i in range(4)])
    return words


def multiply(p, a, b):
    """Loose * loose gives reduced."""
    words = product(p, a, b)
    return fold(p, words[:WORDS], words[WORDS:])


def squared(p, a):
    """Loose gives reduced."""
    words = square(p, a)
    return fold(p, words[:WORDS], words[WORDS:])


def flag_times_38(p):
    """38 where the last addition or subtraction carried out of 2^256, else 0."""
    mask = Register()
    p.emit('sbb', mask, mask)
    p.emit('and', 38, mask)
    return mask


def add(p, x, y):
    """x + y in y's registers; reduced, gives loose."""
    terms = weighted(p.snapshot(x)) + weighted(p.snapshot(y))
    p.add(x, y)
    p.claim('carried', y, terms)
    p.add([flag_times_38(p), 0, 0, 0], y)
    # After a carry the words were below x + y - 2^256, far from another one.
    p.claim('folded', y, terms)
    return y


def subtract(p, x, y):
    """x - y; reduced, gives loose."""
    terms = weighted(p.snapshot(x)) + weighted(p.snapshot(y), sign=-1)
    words = [p.load(word) for word in x]
    p.subtract(y, words)
    p.claim('borrowed', words, terms)
    p.subtract([flag_times_38(p), 0, 0, 0], words)
    # After a borrow the words were at least 2^256 - y, far from another one.
    p.claim('folded', words, terms)
    return words


def select(p, x, y):
    """y if the carry flag is set, else x; in constant time."""
    words = [p.load(word) for word in x]
    for source, target in zip(y, words):
        p.emit('cmovc', source, target)
    return words


# Memory of a step, in words.
NAMES = ('A', 'B', 'C', 'D', 'U', 'AA', 'BB', 'DA', 'E', 'G', 'S', 'SS', 'T', 'TT', 'X2')
SLOT = {name: WORDS * i for i, name in enumerate(NAMES)}
SLOT_SELECT = WORDS * len(NAMES)
SLOT_COUNT = SLOT_SELECT + 1
SLOTS = SLOT_COUNT + 1


def element(name):
    return [Memory(SLOT[name] + i) for i in range(WORDS)]


def store(p, words, name):
    for word, target in zip(words, element(name)):
        p.emit('mov', word, target)


def next_bit(p, keep):
    """Moves the select word's sign into the carry flag; `keep` says that it is needed again."""
    word = p.load(Memory(SLOT_SELECT))
    p.emit('add', word, word)
    if not keep:
        p.emit('mov', word, Memory(SLOT_SELECT))


def sum_and_difference(p, x, y, sum_name, difference_name):
    """y, in registers, is lost."""
    store(p, subtract(p, x, y), difference_name)
    store(p, add(p, x, y), sum_name)


def ladder_step():
    """One step on A = x2 + z2, B = x2 - z2, C = x3 + z3, D = x3 - z3 (RFC 7748, section 5), all
    loose. The cross products are symmetric under the swap, so a step selects the two elements that
    it doubles instead of swapping four."""
    p = Program()
    next_bit(p, keep=True)
    store(p, squared(p, select(p, element('A'), element('C'))), 'AA')
    next_bit(p, keep=False)
    bb = squared(p, select(p, element('B'), element('D')))
    store(p, bb, 'BB')
    store(p, subtract(p, element('AA'), bb), 'E')
    store(p, multiply(p, element('D'), element('A')), 'DA')
    cb = multiply(p, element('B'), element('C'))
    sum_and_difference(p, element('DA'), cb, 'S', 'T')
    store(p, fold(p, element('AA'), element('E'), A24), 'G')
    store(p, multiply(p, element('AA'), element('BB')), 'X2')
    store(p, squared(p, element('T')), 'TT')
    z2 = multiply(p, element('G'), element('E'))
    sum_and_difference(p, element('X2'), z2, 'A', 'B')
    store(p, squared(p, element('S')), 'SS')
    z3 = multiply(p, element('TT'), element('U'))
    sum_and_difference(p, element('SS'), z3, 'C', 'D')
    return p


def doubling():
    """The ladder's doubling alone, of the point in A and B: for the bits of a clamped scalar that
    are known."""
    p = Program()
    store(p, squared(p, element('A')), 'AA')
    bb = squared(p, element('B'))
    store(p, bb, 'BB')
    store(p, subtract(p, element('AA'), bb), 'E')
    store(p, multiply(p, element('BB'), element('AA')), 'X2')
    g = fold(p, element('AA'), element('E'), A24)
    z2 = multiply(p, g, element('E'))
    sum_and_difference(p, element('X2'), z2, 'A', 'B')
    return p
