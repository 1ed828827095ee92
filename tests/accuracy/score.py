#!/usr/bin/env python3
"""score.py CORPUS MASKED [--json FILE] [--floors FILE] [--missed N] - how much of what was to be masked is, and what else

A value counts as masked when nine of ten of its letters and digits differ. Over-masking: letters and digits that nobody owns, and yet differ.
With --floors: a line per floor, NAME LEAST (or NAME <=MOST); exits 1 when one is not held.
"""
import argparse, base64, json, os, quopri, sys
from collections import defaultdict


def decode(data, encoding):
    if encoding in ('qp', 'base64'):
        body = data.split(b'\r\n\r\n', 1)[1]
        return (quopri.decodestring(body) if encoding == 'qp' else base64.b64decode(body)).decode('utf-8')
    if encoding.startswith('utf-16'):
        return data[2:].decode(encoding)
    return data.decode(encoding)


def changed(text, masked):
    """Per character of the text: does it differ? Masks keep bytes, so that characters may shift: compared by bytes."""
    if len(text) == len(masked):
        return [a != b for a, b in zip(text, masked)]
    a, b = text.encode(), masked.encode()
    if len(a) != len(b):
        return None
    out, at = [], 0
    for c in text:
        size = len(c.encode())
        out.append(a[at:at + size] != b[at:at + size])
        at += size
    return out


def score(corpus, masked_folder, missed):
    kinds, classes, groups = (defaultdict(lambda: [0, 0]) for _ in range(3))
    broken, withheld, over = 0, 0, defaultdict(lambda: [0, 0])
    shown = defaultdict(list)
    for line in open(f'{corpus}/gold.jsonl', encoding='utf-8'):
        record = json.loads(line)
        path, text = f'{masked_folder}/{record["file"]}', record['text']
        group = record['group'].split(':')[0]
        diff = [True] * len(text)
        if os.path.exists(path):
            try:
                diff = changed(text, decode(open(path, 'rb').read(), record['encoding']))
            except (UnicodeDecodeError, ValueError):
                diff = None
            if diff is None:
                broken += 1
                shown['broken'].append((record['file'], text))
                diff = [False] * len(text)
        else:
            withheld += 1
        gold = [False] * len(text)
        for start, end, cls, kind in record['spans']:
            for i in range(start, end):
                gold[i] = True
            marks = [diff[i] for i in range(start, end) if text[i].isalnum()]
            hit = sum(marks) >= .9 * len(marks)
            label = record['group'] if group in ('encoded', 'fields') else kind
            for table, key in ((kinds, label), (classes, cls)):
                table[key][0] += 1
                table[key][1] += hit
            if not hit:
                shown[label].append((record['file'], text[max(0, start - 40):end + 20]))
        outside = [diff[i] for i in range(len(text)) if not gold[i] and text[i].isalnum()]
        over[group if group in ('look-alike', 'prose', 'code') else 'beside values'][0] += len(outside)
        over[group if group in ('look-alike', 'prose', 'code') else 'beside values'][1] += sum(outside)
        if not record['spans']:
            groups[record['group']][0] += 1
            groups[record['group']][1] += any(outside)
            if any(outside):
                shown[record['group']].append((record['file'], text))
        elif sum(outside) > 6:
            shown['beside ' + record['group']].append((record['file'], ''.join(c if not d or g else '\x1b[7m' + c + '\x1b[0m' for c, d, g in zip(text, diff, gold))))
    if missed:
        for key in sorted(shown):
            for file, text in shown[key][:missed]:
                print(f'  {key:24s} {file} {text!r}')
    rates = lambda table: {k: n[1] / n[0] for k, n in sorted(table.items()) if n[0]}
    touched = {k: n for k, n in groups.items() if k.startswith('look-alike')}
    return {'values': sum(n[0] for n in classes.values()), 'recall': rates(classes), 'kinds': rates(kinds), 'over_masking': rates(over), 'touched': rates(groups),
            'look_alikes_touched': sum(n[1] for n in touched.values()) / max(1, sum(n[0] for n in touched.values())), 'broken': broken, 'withheld': withheld}


def floors(path, result):
    flat = {'broken': result['broken'], 'withheld': result['withheld'], 'look_alikes_touched': result['look_alikes_touched'], 'values': result['values']}
    for part in ('recall', 'kinds', 'over_masking', 'touched'):
        flat.update({f'{part}.{k}': n for k, n in result[part].items()})
    failed = 0
    for line in open(path, encoding='utf-8'):
        words = line.split('#')[0].split()
        if not words:
            continue
        name, bound = words[0], words[1]
        is_most = bound.startswith('<=')
        limit, got = float(bound[2:] if is_most else bound), flat.get(name.replace('_s_', ' '))
        if got is None or (got > limit if is_most else got < limit):
            print(f'not held: {name} is {got}, floor {bound}')
            failed += 1
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('corpus')
    parser.add_argument('masked')
    parser.add_argument('--json')
    parser.add_argument('--floors')
    parser.add_argument('--missed', type=int, default=0)
    given = parser.parse_args()
    result = score(given.corpus, given.masked, given.missed)
    for part in ('kinds', 'recall'):
        print(f'{part}:')
        for k, n in result[part].items():
            print(f'  {k:28s} {n:.4f}')
    print('over-masking (characters):', ', '.join(f'{k} {n:.5f}' for k, n in result['over_masking'].items()))
    print('touched (files):', ', '.join(f'{k} {n:.3f}' for k, n in result['touched'].items() if n))
    print(f'{result["values"]} values, look-alikes touched {result["look_alikes_touched"]:.4f}, broken {result["broken"]}, withheld {result["withheld"]}')
    if given.json:
        json.dump(result, open(given.json, 'w'), indent=1)
    sys.exit(1 if given.floors and floors(given.floors, result) else 0)


if __name__ == '__main__':
    main()
