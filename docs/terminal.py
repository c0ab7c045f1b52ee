#!/usr/bin/env python3
"""Draws what a terminal shows, as `tmux capture-pane -e -p` gives it, as an SVG: docs/terminal.py [--light] [--columns N] < capture > svg"""

import argparse
import re
import sys
import unicodedata
from html import escape

CELL_W, CELL_H, FONT, PAD = 8.4, 18, 14, 14
# The sixteen colours, by what they stand out against.
DARK = ("#16181d", "#d7dae0", ["#4b5263", "#f0716b", "#8cc570", "#e3b341", "#6cb6ff", "#c792ea", "#56c8d8", "#d7dae0"])
LIGHT = ("#ffffff", "#24292f", ["#24292f", "#b3261e", "#1a7f37", "#8a5a00", "#0550ae", "#8250df", "#0b7285", "#57606a"])


def cells(line, style):
    """Each character with its colour, background, weight and whether it is faint, and the style at the end: tmux keeps it over lines."""
    found = []
    for part in re.split(r"(\x1b\[[0-9;:]*m)", line):
        if part.startswith("\x1b["):
            style = after(style, part[2:-1])
            continue
        found += [(char, style) for char in part]
    return found, style


def after(style, codes):
    fore, back, bold, faint = style
    codes = [int(code) if code else 0 for code in codes.replace(":", ";").split(";")]
    while codes:
        code = codes.pop(0)
        if code == 0:
            fore, back, bold, faint = None, None, False, False
        elif code == 1:
            bold = True
        elif code == 2:
            faint = True
        elif code == 7:
            fore, back = back if back is not None else "back", fore if fore is not None else "fore"
        elif code == 22:
            bold = faint = False
        elif code in (38, 48) and codes[:1] == [5]:
            of = of_256(codes[1])
            fore, back, codes = (of, back, codes[2:]) if code == 38 else (fore, of, codes[2:])
        elif code == 39:
            fore = None
        elif code == 49:
            back = None
        elif 30 <= code <= 37:
            fore = code - 30
        elif 90 <= code <= 97:
            fore = code - 90
        elif 40 <= code <= 47:
            back = code - 40
        elif 100 <= code <= 107:
            back = code - 100
    return fore, back, bold, faint


def of_256(number):
    """One of the 256 colours: a number of the palette, or red, green and blue."""
    if number < 16:
        return number % 8
    if number > 231:
        return "#" + f"{8 + 10 * (number - 232):02x}" * 3
    number -= 16
    return "#" + "".join(f"{55 + 40 * part if part else 0:02x}" for part in (number // 36, number // 6 % 6, number % 6))


def width(char):
    return 2 if unicodedata.east_asian_width(char) in "WF" else 0 if unicodedata.combining(char) else 1


def runs(line, style):
    """Stretches of one style: column, columns, text, style; and the style at the end."""
    column, found = 0, []
    chars, end = cells(line, style)
    for char, style in chars:
        wide = width(char)
        if found and found[-1][3] == style:
            at, columns, text, _ = found[-1]
            found[-1] = (at, columns + wide, text + char, style)
        else:
            found.append((column, wide, char, style))
        column += wide
    return found, end


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--light", action="store_true")
    parser.add_argument("--columns", type=int, default=80)
    asked = parser.parse_args()
    paper, ink, palette = LIGHT if asked.light else DARK
    lines = sys.stdin.read().rstrip("\n").split("\n")
    wide, high = asked.columns * CELL_W + 2 * PAD, len(lines) * CELL_H + 2 * PAD
    named = {None: None, "fore": ink, "back": paper} | dict(enumerate(palette))
    colour = lambda of, otherwise: named.get(of, of) or otherwise
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high:g}" width="{wide:g}" height="{high:g}" '
        f'font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="{FONT}" fill="{ink}">',
        f'<rect width="100%" height="100%" rx="8" fill="{paper}"/>',
    ]
    style = (None, None, False, False)
    for row, line in enumerate(lines):
        y = PAD + row * CELL_H
        stretches, style = runs(line, style)
        for column, columns, text, (fore, back, bold, faint) in stretches:
            x = PAD + column * CELL_W
            if back is not None:
                out.append(f'<rect x="{x:g}" y="{y:g}" width="{columns * CELL_W:g}" height="{CELL_H}" fill="{colour(back, paper)}"/>')
            if not text.strip():
                continue
            lead = len(text) - len(text.lstrip(" "))
            text, columns, x = text.strip(" "), sum(map(width, text.strip(" "))), x + lead * CELL_W
            more = (f' fill="{colour(fore, ink)}"' if fore is not None else "") + (' font-weight="bold"' if bold else "") + (' opacity=".65"' if faint else "")
            out.append(
                f'<text x="{x:g}" y="{y + CELL_H * 0.72:g}" textLength="{columns * CELL_W:g}" xml:space="preserve"{more}>{escape(text)}</text>'
            )
    print("\n".join(out + ["</svg>"]))


main()
