"""A small BPE vocabulary in CLIP's file format, trained on the data set's own words.

  python3 tokenizer.py --data data --to out/tokenizer

Like CLIP's: lower case, byte-level alphabet (any text can be written), `</w>` marks the end of a word. Words of names
and of the caption grammar count far more than keywords, so nearly all of them become one token.
"""
import argparse
import collections
import functools
import json
import os

import regex

import emojidata as E
from text_encoder import LENGTH, VOCAB

START, END = "<|startoftext|>", "<|endoftext|>"
PATTERN = regex.compile(r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
TEMPLATE = """a an the of in on to at and with against from photo picture drawing image emoji sticker style background next left right
 above below top bottom corner center middle side small large big tiny little huge gradient striped polka dot dots checkered stripes
 checks pattern two three four one , . ! - ' plain solid colored isolated beside under over between front behind red green blue
 cute nice simple design render glossy outline bold""".split()


@functools.lru_cache()
def byte_letters():
    """byte -> printable letter, as in GPT-2 and CLIP"""
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    letters, extra = keep[:], 0
    for b in range(256):
        if b not in keep:
            keep.append(b)
            letters.append(256 + extra)
            extra += 1
    return {b: chr(c) for b, c in zip(keep, letters)}


def split(text):
    return PATTERN.findall(" ".join(text.lower().split()))


def letters(word):
    w = [byte_letters()[b] for b in word.encode("utf-8")]
    return tuple(w[:-1]) + (w[-1] + "</w>",)


class Tokenizer:
    def __init__(self, folder):
        with open(os.path.join(folder, "vocab.json"), encoding="utf-8") as f:
            self.vocab = json.load(f)
        with open(os.path.join(folder, "merges.txt"), encoding="utf-8") as f:
            lines = f.read().split("\n")[1:]
        self.rank = {tuple(x.split()): i for i, x in enumerate(x for x in lines if x)}
        self.cache = {}

    def word(self, w):
        if w not in self.cache:
            p = list(letters(w))
            while len(p) > 1:
                best = min(zip(p, p[1:]), key=lambda x: self.rank.get(x, 1 << 30))
                if best not in self.rank:
                    break
                q, i = [], 0
                while i < len(p):
                    two = i + 1 < len(p) and (p[i], p[i + 1]) == best
                    q.append(p[i] + p[i + 1] if two else p[i])
                    i += 2 if two else 1
                p = q
            self.cache[w] = [self.vocab[x] for x in p]
        return self.cache[w]

    def __call__(self, text, length=LENGTH):
        """-> ids, cut and padded with the end token to `length`"""
        ids = [i for w in split(text) for i in self.word(w)][:length - 2]
        ids = [self.vocab[START]] + ids + [self.vocab[END]]
        return ids + [self.vocab[END]] * (length - len(ids))


def train(counts, size):
    """counts: word -> weight. -> (vocabulary in order, merges)"""
    base = list(byte_letters().values())
    vocab = dict.fromkeys(base + [b + "</w>" for b in base])
    words = [[list(letters(w)), n] for w, n in counts.items()]
    pairs, where = collections.Counter(), collections.defaultdict(set)
    for k, (p, n) in enumerate(words):
        for x in zip(p, p[1:]):
            pairs[x] += n
            where[x].add(k)
    merges = []
    while len(vocab) < size - 2 and pairs:
        best = max(pairs, key=lambda x: (pairs[x], x))
        if pairs[best] <= 0:
            break
        merges.append(best)
        vocab.setdefault(best[0] + best[1])
        for k in list(where[best]):
            p, n = words[k]
            for x in zip(p, p[1:]):
                pairs[x] -= n
                where[x].discard(k)
            q, i = [], 0
            while i < len(p):
                two = i + 1 < len(p) and (p[i], p[i + 1]) == best
                q.append(p[i] + p[i + 1] if two else p[i])
                i += 2 if two else 1
            words[k][0] = q
            for x in zip(q, q[1:]):
                pairs[x] += n
                where[x].add(k)
        del pairs[best]
    filler = 0                                  # too few words for the size: unused entries keep the ids in place
    while len(vocab) < size - 2:
        vocab.setdefault(f"<|unused{filler}|>")
        filler += 1
    return list(vocab), merges


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", default="data")
    ap.add_argument("--to", default="out/tokenizer")
    o = ap.parse_args()
    rows, _ = E.load(o.data, images=False)
    counts, seen = collections.Counter(), set()
    for r in rows:
        for text, n in [(r["name"], 100), (E.plural(r["name"]) if E.countable(r["name"]) else "", 20)] + [(k, 3) for k in r["keywords"]]:
            if (text, n, r["hex"]) not in seen:
                seen.add((text, n, r["hex"]))
                for w in split(text):
                    counts[w] += n
    for text in TEMPLATE + list(E.BG) + list(E.TARGET) + list(E.PLACES) + [s for v in E.STYLE_WORDS.values() for s in v]:
        for w in split(text):
            counts[w] += 1000
    vocab, merges = train(counts, VOCAB)
    os.makedirs(o.to, exist_ok=True)
    table = {v: i for i, v in enumerate(vocab + [START, END])}
    assert len(table) == VOCAB
    with open(os.path.join(o.to, "vocab.json"), "w", encoding="utf-8") as f:
        json.dump(table, f, ensure_ascii=False, separators=(",", ":"))
    with open(os.path.join(o.to, "merges.txt"), "w", encoding="utf-8") as f:
        f.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    special = dict(bos_token=START, eos_token=END, unk_token=END, pad_token=END)
    with open(os.path.join(o.to, "tokenizer_config.json"), "w") as f:
        json.dump(dict(tokenizer_class="CLIPTokenizer", model_max_length=LENGTH, **special, do_lower_case=True,
                       add_prefix_space=False, errors="replace"), f, indent=1)
    with open(os.path.join(o.to, "special_tokens_map.json"), "w") as f:
        json.dump(special, f, indent=1)
    t = Tokenizer(o.to)
    one = sum(len(t.word(w)) == 1 for r in rows for w in split(r["name"])) / sum(len(split(r["name"])) for r in rows)
    print(len(merges), "merges;", len(counts), "words;", f"{one:.1%} of the names' words are one token;",
          t("a red apple on a light blue background, 3d style")[:16])


if __name__ == "__main__":
    main()
