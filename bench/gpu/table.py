"""The table of bench/gpu/run.sh: table.py FILE, lines of "side work unit number"; medians over rounds."""
import statistics
import sys

sides = ["rmlx", "rmlx-mlx", "mlx", "torch", "jax"]
aims = {"matmul": 1.01, "compiled": 1.05, "eager": 1.3}
found, units, failures = {}, {}, []
for line in open(sys.argv[1]):
    part = [x.strip() for x in line.rstrip("\n").rstrip("\t").split("\t")]
    if len(part) < 4 or part[0] not in sides:
        continue
    side, work, unit, number = part[:4]
    if unit == "failed":
        failures.append(f"{side}: {work}: {number}")
        continue
    units[work] = unit
    found.setdefault(work, {}).setdefault(side, []).append(float(number))

print("| work | unit | " + " | ".join(sides) + " | rmlx / mlx | aim |")
print("|---" * (len(sides) + 4) + "|")
for work, by_side in found.items():
    mean = {s: statistics.median(v) for s, v in by_side.items()}
    ratio = aim = ""
    if "rmlx" in mean and "mlx" in mean and mean["mlx"]:
        ratio = f"{mean['rmlx'] / mean['mlx']:.3f}"
        aim = next((str(v) for k, v in aims.items() if k in work and ":" not in work and units[work]), "")
    cells = [f"{mean[s]:.4g}" if s in mean else "" for s in sides]
    print(f"| {work} | {units[work]} | " + " | ".join(cells) + f" | {ratio} | {aim} |")
for failure in sorted(set(failures)):
    print("FAILED", failure)
