"""Numbers for people."""


def thousands(number):
    """"117,000": four digits, more are noise."""
    number = float(number)
    digits = len(str(int(abs(number))))
    return f"{round(number, min(0, 4 - digits)):,.0f}"


def suite_name(suite):
    """As people write it: 1, 0xF002."""
    return str(suite) if suite < 0xf000 else f"0x{suite:04X}"


def percent(share, decimals=1):
    return f"{100 * share:.{decimals}f} %"


def microseconds(ns):
    value = ns / 1000
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.1f}"
