"""One column of the comb of proof_table.hpp as a list of operations: double, and add an entry.

Four lanes, in the representation and with the operations of x25519_avx2_step.py;
tests/crypto/proof_comb_avx2_bounds_test.py proves the limb ranges over this list. The formulas are
those of edwards25519.hpp: complete, whatever the points are. Sums and differences are made on
integer columns before the carry, so that every factor of a product is reduced.
"""

import x25519_avx2_step as field

# Memory of a step, in vectors of 32 bytes: the point, then spilled registers. The entry has a
# pointer of its own, which moves on: its slots are below zero.
SLOT_X, SLOT_Y, SLOT_Z = (field.LIMBS * i for i in range(3))
ENTRY_VECTORS = 3 * field.LIMBS
SLOT_Y_PLUS_X, SLOT_Y_MINUS_X, SLOT_XY_2D = (field.LIMBS * i - ENTRY_VECTORS for i in range(3))


def column():
    """(X : Y : Z) = 2 (X : Y : Z) + entry."""
    p = field.Program()

    def element(slot):
        return field.element(p, slot)

    def add(a, b):
        return field.each(p.iadd, a, b)

    def subtract(a, b):
        return field.each(p.isub, a, b)

    def carry(columns):
        return field.carry(p, columns)

    def multiply(a, b, biased=True):
        return field.multiply(p, a, b, biased)

    # Of every sum one addend has the bias that its carry wants.
    x, y, z = element(SLOT_X), element(SLOT_Y), element(SLOT_Z)
    xx = field.square(p, x, biased=False)
    yy = field.square(p, y)
    h = carry(add(yy, xx))
    g_columns = subtract(yy, xx)
    g = carry(g_columns)
    zz = field.square(p, z, biased=False)
    f = carry(subtract(add(zz, zz), g_columns))
    xy = multiply(x, y, biased=False)
    e = carry(add(xy, xy))

    y_sum = multiply(g, h)
    x_sum = multiply(e, f, biased=False)
    y_minus_x = carry(subtract(y_sum, x_sum))
    y_plus_x = carry(add(y_sum, x_sum))
    t = carry(multiply(e, h))
    z_sum = multiply(f, g, biased=False)

    a = multiply(y_minus_x, element(SLOT_Y_MINUS_X), biased=False)
    b = multiply(y_plus_x, element(SLOT_Y_PLUS_X))
    e = carry(subtract(b, a))
    h = carry(add(b, a))
    c = multiply(t, element(SLOT_XY_2D))
    z_twice = add(z_sum, z_sum)
    f = carry(subtract(z_twice, c))
    g = carry(add(z_twice, c))
    field.output_element(p, carry(multiply(e, f)), SLOT_X)
    field.output_element(p, carry(multiply(g, h)), SLOT_Y)
    field.output_element(p, carry(multiply(f, g)), SLOT_Z)
    return p
