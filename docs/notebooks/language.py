# %% [markdown]
# # Language: the next word, and agreement at a distance
#
# A language model says what comes next in a text, with probabilities. First one of Shakespeare's
# plays, character by character, beside an n-gram model and the compressors of every computer:
# whoever predicts well needs few bits. Then the question what a recurrent network has that an
# n-gram model has not: *the keys to the cabinet near the door* **are**, not *is*, however far the
# keys stand before the verb.
#
# Needs `matplotlib`. A minute or two on one core.

# %%
import matplotlib.pyplot as plt
import numpy as np

import gatewise as gw

# %% reduced={"epochs": 1, "units": 4, "characters": 4000, "sentences": 80, "asked": 1}
epochs = 10  # passes over the play
units = 128
characters = 200_000  # more than it has
sentences = 20_000  # of the grammar below
asked = 100

# %% [markdown]
# ## The next character of a play
#
# *As You Like It*: the first 80 % train, the next 10 % choose the best weights, and the last 10 %
# are scored, cut at line ends. The text of the test is read in one go, its state carried on from
# the text before: a model whose state is reset on the way scores worse than it is.

# %%
play = gw.datasets.load("asyoulik")[:characters]
print(play[1000:1300])

# %%
model = gw.LanguageModel(hidden_size=units, epochs=epochs, dropout=0.2)
model.fit(play, progress=False)
model.evaluation_

# %% [markdown]
# *Bits per character* say what the text costs by a model's probabilities, and compare models of
# characters, words and bytes. Beside it stands an n-gram model with Kneser–Ney smoothing, which has
# read the same text, and the note says what gzip, bz2 and xz add for this part once they have read
# the rest.
#
# On so small a text the n-gram model is hard to beat, and this network is small and hardly trained,
# so that the notebook takes a minute or two. With the defaults, 256 units and 40 passes, it takes
# three minutes and is ahead: [benchmarks](../benchmarks.md#sequences-text-genomes-assays).
#
# What comes next?

# %%
for text in ("ORLANDO\tI pray y", "the fores", "Tongues in tree"):
    guesses = model.suggest(text, k=4)
    print(repr(text), {letter: round(chance, 2) for letter, chance in guesses.items()})

# %%
print(model.sample(400, "ROSALIND\t", temperature=0.7, seed=1))

# %% [markdown]
# Where is it surprised? Bits per letter of a famous line, which stood in training: the first letters
# of a word cost most, since the end of a word is mostly clear once it has begun.

# %%
line = "All the world's a stage, and all the men and women merely players"
score = model.score(line)
bits = -score.log_probabilities / np.log(2)
fig, ax = plt.subplots(figsize=(9, 2.2))
ax.bar(range(len(line)), bits)
ax.set_xticks(range(len(line)), list(line))
ax.set_ylabel("bits")
ax.set_title(f"{score.bits_per_character:.2f} bits per character")
plt.show()

# %% [markdown]
# ### How far back does it look?
#
# `gw.explain` replaces characters some way back and sees what that does to the next one.

# %%
gw.explain(model, play)

# %% [markdown]
# A rougher test: forget everything each so many characters.

# %%
last = play[-model.evaluation_.characters :]
reach = [8, 16, 32, 64, 128, 256]
cost = [
    sum(model.score(last[at : at + each]).bits for at in range(0, len(last), each)) / len(last)
    for each in reach
]
fig, ax = plt.subplots(figsize=(6, 2.8))
ax.plot(reach, cost, "o-", label="state reset")
carried = model.evaluation_.network["bits_per_character"]
ax.axhline(carried, color="C1", label="state carried on")
ax.set(xscale="log", xlabel="characters between resets", ylabel="bits per character")
ax.set_xticks(reach, reach)
ax.legend()
plt.show()

# %% [markdown]
# ## Agreement at a distance
#
# In English most of what one needs for the next letter stands close by. So now a language in which
# it does not, made up so that we know all about it: sentences whose verb goes by the first noun,
# with any number of phrases between. The noun next to the verb says nothing of its number.

# %%
nouns = [(one, f"{one}s") for one in ("key", "cabinet", "door", "book", "letter", "garden", "lamp")]
verbs = [("is", "are"), ("was", "were"), ("looks", "look"), ("seems", "seem")]
between = ["near", "behind", "beside", "above"]
qualities = ["old", "new", "small", "large", "lost"]


def sentence(dice, phrases=None):
    """The words of a sentence: subject, phrases, verb, quality."""

    def noun(number):
        return ["the", nouns[dice.integers(len(nouns))][number]]

    number = dice.integers(2)
    words = noun(number)
    for _ in range(dice.geometric(0.25) - 1 if phrases is None else phrases):
        words += [between[dice.integers(len(between))], *noun(dice.integers(2))]
    verb = verbs[dice.integers(len(verbs))][number]
    return [*words, verb, qualities[dice.integers(len(qualities))]]


dice = np.random.default_rng(0)
for _ in range(4):
    print(" ".join(sentence(dice)))

# %%
text = "".join(" ".join(sentence(dice)) + "\n" for _ in range(sentences))
grammarian = gw.LanguageModel(
    tokens="words",
    hidden_size=units // 2,
    epochs=min(epochs, 8),
    batch_size=32,
    window=32,
    learning_rate=0.01,
    dropout=0.0,  # a text without end cannot be learnt by heart
    input_dropout=0.0,
    tied=False,
)
grammarian.fit(text, progress=False)
grammarian.evaluation_

# %% [markdown]
# Is that good? The sentences are thrown by dice, so part of every word is chance and the *perplexity*
# cannot fall to 1. Ask for the verb instead. A sentence goes before, because the model has never
# read one that began from nothing:

# %%
before = "the lamp is old\n"
for start in ("the key near the cabinets", "the keys near the cabinet behind the door"):
    guesses = grammarian.suggest(before + start, k=100)
    print(start, {verb: round(guesses.get(verb, 0.0), 3) for pair in verbs[:2] for verb in pair})


# %% [markdown]
# And now by distance. The control is the same network, its state reset four words before the verb:
# what it has not read it cannot know, so it guesses. (Of the short sentences it does read the
# subject, but from nothing it does not know that a sentence begins there.)


# %%
def share_right(phrases, seen=None):
    """How often the right forms of the verb are more probable than the wrong ones."""
    dice = np.random.default_rng(1)
    right = 0
    for _ in range(asked):
        *start, verb, _ = sentence(dice, phrases)
        read = " ".join(start[-seen:]) if seen else before + " ".join(start)
        guesses = grammarian.suggest(read, k=100)
        one, many = (sum(guesses.get(pair[form], 0) for pair in verbs) for form in (0, 1))
        right += (many > one) == any(verb == pair[1] for pair in verbs)
    return right / asked


phrases = [0, 1, 2, 4, 8]
words = [3 * each + 1 for each in phrases]
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.plot(words, [share_right(each) for each in phrases], "o-", label="state carried on")
ax.plot(words, [share_right(each, 4) for each in phrases], "o--", label="reset 4 words before")
ax.axhline(0.5, color="grey", linewidth=0.8)
ax.set(xlabel="words from subject to verb", ylabel="share of verbs right", ylim=(0, 1.05))
fig.legend(loc="outside upper center", ncols=2)
plt.show()

# %% [markdown]
# What does `gw.explain` say of it? Most words need the one or two before them, and few windows end
# at a verb. So the network remembers little *on the whole*: a mean hides what is rare, and what is
# rare may be what you ask for.

# %%
gw.explain(grammarian, text)

# %% [markdown]
# `gatewise study next-word` measures all this with ten seeds, against the entropy of the grammar.
#
# ## Your own text
#
# A string, the path of a file, or a list of either; `tokens=` cuts it into characters, bytes, words
# or, with the extra `language`, pieces of words. From the shell:
#
# ```sh
# gatewise fit novel.txt --task language --out runs/novel
# gatewise inspect runs/novel
# ```
#
# [Language models](../language.md) has the options and what is scored how.
