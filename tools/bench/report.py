"""Medians, paired ratios and the Markdown table."""

from statistics import median


def paired_ratio(peers, ours):
    """The median over rounds of peer / ours, each pair measured in one round."""
    return median(peer / our for peer, our in zip(peers, ours, strict=True))


def row(what, unit, ours, peers, digits=2):
    """One line of the table; `ours` and every list in `peers` hold one number a round. Lower is better."""
    return {
        "what": what,
        "unit": unit,
        "digits": digits,
        "edgetl": median(ours),
        "edgetl_rounds": list(ours),
        "peers": {
            name: {"value": median(values), "rounds": list(values), "ratio": paired_ratio(values, ours)}
            for name, values in peers.items()
        },
    }


def markdown(rows):
    lines = ["| What | edgetl | Peer | Ratio |", "|---|---|---|---|"]
    for line in rows:
        show = lambda value: f"{value:.{line['digits']}f} {line['unit']}"
        for name, peer in line["peers"].items():
            pair = f"{show(line['edgetl'])} | {name}: {show(peer['value'])}"
            lines.append(f"| {line['what']} | {pair} | {peer['ratio']:.2f}x |")
    return "\n".join(lines)
