# %% [markdown]
# # Biology: genes in a genome, and how far a site is spliced
#
# DNA is a text, and what it does is written in it. Two tasks, both on data that comes with
# gatewise: a **tagger** that says of every base of a chloroplast genome whether it codes for a
# protein, and a **regressor** that says from nine bases how far a splice site is used, beside the
# figures that were published for the same measurements.
#
# A good score on a genome is easily had for the wrong reason, so half of what follows are
# controls. Needs `matplotlib` and the extra `baselines`. Some minutes on one core.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

import gatewise as gw
from gatewise.data.sequences.strands import other_strand

# %% reduced={"epochs": 1, "units": 4, "batch": 512, "baselines": ["majority"], "splice_epochs": 1}
epochs = 10  # passes over the genome
units = 64
batch = 16  # pieces of a training step
baselines = ["majority", "kmers"]
splice_epochs = 20

# %% [markdown]
# ## A genome and its genes
#
# The chloroplast genome of thale cress (*Arabidopsis thaliana*) has 154,478 bases. It comes in
# regions, cut between genes, that are named training, validation or test. A base is coding (`CDS`)
# if it is translated into a protein, on either strand.

# %%
cress = gw.datasets.load("arabidopsis_plastid")
for name, length, part in zip(
    cress.sequences.names, cress.sequences.lengths, cress.split, strict=True
):
    print(f"{name:28} {length:7,} bases  {part}")
dict(zip(cress.classes, cress.counts.tolist(), strict=True))

# %% [markdown]
# ## A tagger, tested on another plant
#
# Every base is read together with its two neighbours (`kmer=3`), because codons are three bases
# long, and from both ends. What is learnt on thale cress is asked of tobacco, whose genome nobody
# has looked at. So here the test regions of thale cress train, too.
#
# Beside it stands a logistic regression that counts k-mers around each base by their reading
# frame. How far it looks is chosen on the validation part.

# %%
settings = {
    "cell": "gru",
    "hidden_size": units,
    "kmer": 3,
    "dropout": 0.2,
    "piece": 250,
    "overlap": 25,
    "batch_size": batch,
    "learning_rate": 0.005,
    "epochs": epochs,
    "patience": None,  # to the last epoch
    "validation": None,  # the data names its parts
    "test": None,
    "baselines": baselines,
}
whole = replace(cress, split=tuple("training" if part == "test" else part for part in cress.split))
tagger = gw.Tagger(**settings).fit(whole, progress=False)

# %%
tobacco = gw.datasets.load("tobacco_plastid")
scores = tagger.evaluate(tobacco)
scores

# %% [markdown]
# Matthews' correlation decides: 1 is perfect, 0 is chance, however frequent coding bases are. The
# interval is over blocks of the genome, because the bases of one gene are no independent cases.

# %%
(probability,) = tagger.predict_proba(tobacco.sequences)
coding = tobacco.classes.index("CDS")
shown = slice(50_000, 62_000)
fig, ax = plt.subplots(figsize=(9, 2.5))
place = np.arange(shown.start, shown.stop) / 1000
truth = tobacco.labels[shown] == coding
ax.fill_between(place, truth, step="mid", alpha=0.3, label="genes, as annotated")
ax.plot(place, probability[shown, tagger.classes_ == "CDS"], linewidth=0.8, label="tagger")
ax.set(xlabel="place in tobacco's chloroplast genome, thousands of bases", ylim=(0, 1.02))
ax.set_ylabel("probability of coding")
ax.legend(loc="lower right")
plt.show()

# %% [markdown]
# What it found goes into a file that genome browsers read. Where the probability wavers around a half
# single bases change their label; runs of fewer than 60 are no genes, and are left out:

# %%
tagger.annotate(tobacco.sequences, "coding.gff3", min_length=60)
with open("coding.gff3") as file:
    print("".join(file.readlines()[:5]))

# %% [markdown]
# ## Is it the genes that it reads?
#
# **G and C.** Coding bases have more G and C, so a model that only counts these does better than
# chance. With the letters of each 60 bases in any order their number is the same, and codons are
# gone: what is left of the score is what G and C are worth to the tagger.
#
# **The other strand.** Genes lie on both strands. Read from the other end, with A for T and C for
# G, the same genes are there in another order.

# %%
order = np.random.default_rng(0).random(tobacco.sequences.steps)
blocks = np.arange(tobacco.sequences.steps) // 60
letters = tobacco.sequences.values[np.lexsort((order, blocks))]
shuffled = replace(tobacco, sequences=replace(tobacco.sequences, values=letters))

backwards = replace(
    tobacco, sequences=other_strand(tobacco.sequences), labels=tobacco.labels[::-1].copy()
)

tests = {
    "tobacco": scores,
    "shuffled in blocks of 60": tagger.evaluate(shuffled),
    "the other strand": tagger.evaluate(backwards),
}

# %% [markdown]
# **Memory.** Tobacco is a relative of thale cress: most of its genes are those of thale cress with
# some letters changed. A model may have learnt these genes, and not what makes a gene. So here is
# another training, in which the test regions of thale cress are held out. No word of 20 letters of
# theirs is in the rest of the genome.

# %%
other = gw.Tagger(**settings).fit(cress, progress=False)
tests["held-out regions of thale cress"] = other.evaluation_

# %%
names = {"gatewise": "tagger", "kmers": "k-mers", "majority": "blind guess"}
fig, ax = plt.subplots(figsize=(8, 3.5))
for offset, model in enumerate(["gatewise", *baselines]):
    found = [test.models[model]["matthews"] for test in tests.values()]
    value = np.array([one.value for one in found])
    reach = np.abs([[one.low, one.high] for one in found] - value[:, None])
    places = np.arange(len(tests)) + 0.25 * (offset - 1)
    ax.barh(places, value, height=0.22, xerr=reach.T, label=names[model])
ax.set_yticks(range(len(tests)), list(tests))
ax.invert_yaxis()
ax.set_xlabel("Matthews' correlation, with 95 % intervals")
ax.legend(loc="lower right")
fig.tight_layout()
plt.show()

# %% [markdown]
# How to read this picture: if the tagger is ahead on tobacco and behind on the held-out regions,
# then part of what it knows of tobacco it remembers. That is worth having when the next genome is
# a relative, as it mostly is, and no proof that it has understood what a gene is. On the held-out
# regions the intervals overlap, so one network does not settle whether it is behind. Neither do the
# ten of `gatewise study gene`: there the interval of the difference reaches just past zero.
#
# ## What does it remember?

# %%
gw.explain(tagger, tobacco)

# %% [markdown]
# ## How far is a site spliced?
#
# 30,483 variants of one splice site, nine bases each: the last three of an exon and the first six of
# an intron. Measured was how much of the product was spliced. The makers of the data published four
# models and scored them on the same test part by *information*: how many bits the prediction
# tells of the measurement. It does not depend on the scale of a prediction, so that models of
# any kind compare.

# %%
sites = gw.datasets.load("splice")
regressor = gw.Regressor(hidden_size=48, epochs=splice_epochs, refit=False, baselines=baselines)
regressor.fit(sites, progress=False)
regressor.evaluation_

# %%
published = {"additive": 0.238, "neighbour": 0.345, "pairwise": 0.362, "black box": 0.459}
models = regressor.evaluation_.models
found = {
    label: models[name]["information"].value
    for name, label in {"gatewise": "regressor", "kmers": "k-mers"}.items()
    if name in models
}
bits = {**{f"published: {name}": value for name, value in published.items()}, **found}
fig, ax = plt.subplots(figsize=(7, 2.8))
ax.barh(list(bits), list(bits.values()), color=["C7"] * len(published) + ["C0", "C1"][: len(found)])
ax.set_xlabel("information on splicing, bits (Tareen et al. 2022: 5 nearest neighbours)")
fig.tight_layout()
plt.show()

# %% [markdown]
# Which of the nine bases count? Position 1 is the exon's third base from the end.

# %%
explanation = gw.explain(regressor, sites)
explanation.write_page("splicing.html")
explanation

# %% [markdown]
# New sites need no label:

# %%
regressor.predict(["CAGGUAAGU", "CAGGUUAGC", "AAAGCAAAA"])

# %% [markdown]
# ## Your own sequences
#
# FASTA files (`.gz` too) with a table of labels, GFF3, BED or GenBank files; lists of strings with
# lists of labels. Sequences that share long words are relatives: `homology=30` keeps them in one
# part. From the shell:
#
# ```sh
# gatewise fit genome.gb --task tag --features CDS --out runs/genes
# gatewise predict runs/genes other.fa --out genes.gff3
# ```
#
# [Sequences](../sequences.md) has the options, [data](../data.md#sequences-and-their-labels) what
# is read.
