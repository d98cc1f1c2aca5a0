"""Draws curve.jsonl files of pulled trials as an SVG: curves.py OUT LABEL=FILE[,FILE] ...

One colour a label, one line a file; the loss of DDPM alone, on a logarithmic axis.
"""
import json
import math
import sys

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 320, 60, 16, 180, 40
COLOURS = ["#005ab5", "#c83c00", "#4b7d00", "#7b3294"]

out, *groups = sys.argv[1:]
curves = [(label, [[json.loads(line) for line in open(file)] for file in files.split(",")]) for label, files in (g.split("=", 1) for g in groups)]
points = [p for _, runs in curves for run in runs for p in run]
last, low, high = max(p["step"] for p in points), min(p["ddpm"] for p in points), 0.2
x = lambda step: LEFT + step / last * (WIDTH - LEFT - RIGHT)
y = lambda v: TOP + (math.log(high) - math.log(min(v, high))) / (math.log(high) - math.log(low)) * (HEIGHT - TOP - BOTTOM)
svg = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>']
for v in (0.04, 0.05, 0.07, 0.1, 0.2):
    if v >= low:
        svg.append(f'<line x1="{LEFT}" x2="{WIDTH-RIGHT}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="#ddd"/><text x="{LEFT-6}" y="{y(v)+4:.1f}" text-anchor="end">{v}</text>')
for step in range(0, last + 1, last // 3):
    svg.append(f'<text x="{x(step):.1f}" y="{HEIGHT-BOTTOM+18}" text-anchor="middle">{step}</text>')
svg.append(f'<text x="{x(last/2):.1f}" y="{HEIGHT-6}" text-anchor="middle">step</text><text x="{LEFT}" y="{TOP-4}" text-anchor="middle">DDPM loss</text>')
for i, (label, runs) in enumerate(curves):
    for run in runs:
        path = " ".join(f"{x(p['step']):.1f},{y(p['ddpm']):.1f}" for p in run)
        svg.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[i]}" stroke-width="1.5"/>')
    svg.append(f'<text x="{WIDTH-RIGHT+8}" y="{TOP+20+18*i}" fill="{COLOURS[i]}">{label}</text>')
open(out, "w").write("\n".join(svg) + "\n</svg>\n")
