"""One column of the comb of proof_table.hpp as a list of operations: double, and add an entry.

Eight lanes, in the representation and with the operations of x25519_avx512ifma_step.py;
tests/crypto/proof_comb_avx512ifma_bounds_test.py proves ranges and carries over this list. The
formulas are those of edwards25519.hpp: complete, whatever the points are. Minus an entry is the
entry with its first two coordinates exchanged and the third negated, and that exchanges f and g.
"""

import x25519_avx512ifma_step as field

# Memory of a step, in vectors of 64 bytes: the point, then spilled registers. The entry has a
# pointer of its own, which moves on: its slots are below zero. First its sign, then coordinates.
SLOT_X, SLOT_Y, SLOT_Z = (field.LIMBS * i for i in range(3))
ENTRY_VECTORS = 1 + 3 * field.LIMBS
SLOT_NEGATE = -ENTRY_VECTORS
SLOT_Y_PLUS_X, SLOT_Y_MINUS_X, SLOT_XY_2D = (field.LIMBS * i - 3 * field.LIMBS for i in range(3))


def column():
    """(X : Y : Z) = 2 (X : Y : Z) + entry, or less the entry in lanes where it has a sign."""
    p = field.Program()

    def element(slot):
        return field.element(p, slot)

    def sum_of(a, b):
        return [p.add(x, y) for x, y in zip(a, b)]

    def twice(columns, *full):
        """Columns that have no room for a third summand, or for the bias, are carried before."""
        carried = list(columns)
        for k in full:
            field.carry_into_next(p, carried, k)
        p.claim('sum', carried, columns)
        return sum_of(carried, carried)

    def add(a, b):
        return field.add(p, a, b)

    def subtract(a, b):
        return field.subtract(p, a, b)

    def multiply(a, b):
        return field.multiply(p, a, b)

    negate = p.emit('sign', p.input(SLOT_NEGATE))
    x, y, z = element(SLOT_X), element(SLOT_Y), element(SLOT_Z)
    xx, yy = field.square(p, x), field.square(p, y)
    h = add(yy, xx)
    g = subtract(yy, xx)
    zz = field.square(p, z)
    f = subtract(sum_of(twice(zz, 2, 3), xx), yy)
    xy = multiply(x, y)
    e = add(xy, xy)

    y_sum = multiply(g, h)
    x_sum = multiply(e, f)
    y_minus_x = subtract(y_sum, x_sum)
    y_plus_x = add(y_sum, x_sum)
    t = field.reduced(p, multiply(e, h))
    z_sum = multiply(f, g)

    minus, plus = element(SLOT_Y_MINUS_X), element(SLOT_Y_PLUS_X)
    a = multiply(y_minus_x, field.selected(p, negate, minus, plus))
    b = multiply(y_plus_x, field.selected(p, negate, plus, minus))
    e = subtract(b, a)
    h = add(b, a)
    c = multiply(t, element(SLOT_XY_2D))
    z_twice = twice(z_sum, 2)
    less, more = subtract(z_twice, c), add(z_twice, c)
    f = field.selected(p, negate, less, more)
    g = field.selected(p, negate, more, less)
    field.output_element(p, field.reduced(p, multiply(e, f)), SLOT_X)
    field.output_element(p, field.reduced(p, multiply(g, h)), SLOT_Y)
    field.output_element(p, field.reduced(p, multiply(f, g)), SLOT_Z)
    return p
