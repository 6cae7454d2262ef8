"""medaka, which polishes genomes: bidirectional GRUs over the pileup of reads, with published weights.

A random genome, a draft of it with errors and reads with more, simulated here; the consensus that
medaka makes of them has to be the same byte for byte.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.programs.program import Program

PROGRAM = Program(
    about="`medaka inference` of a simulated draft, 30 reads deep; then `medaka sequence`",
    packages=("medaka==2.2.2", "mappy", "pysam"),
    imports=("medaka", "mappy", "pysam"),
    variants=("r1041_e82_400bps_sup_v5.2.0", "r1041_e82_400bps_hac_v6.0.0"),
    stage=("Running inference", "All done"),
)
SEED, DEPTH, READ = 1, 30, 8_000
LENGTH = int(os.environ.get("MEDAKA_LETTERS", "200000"))
DRAFT_ERRORS, READ_ERRORS = 0.002, 0.04


def mutated(sequence: str, rate: float, draw: random.Random) -> str:
    """Return a sequence with substitutions, insertions and deletions, a third each."""
    found = []
    for letter in sequence:
        if draw.random() >= rate:
            found.append(letter)
            continue
        kind = draw.randrange(3)
        if kind == 0:
            found.append(draw.choice([other for other in "ACGT" if other != letter]))
        elif kind == 1:
            found.append(letter + draw.choice("ACGT"))
    return "".join(found)


def prepare(folder: Path, variant: str) -> None:
    """Write the draft, and the reads aligned to it, sorted and indexed."""
    mappy, pysam = import_module("mappy"), import_module("pysam")
    draw = random.Random(SEED)
    genome = "".join(draw.choices("ACGT", k=LENGTH))
    text = mutated(genome, DRAFT_ERRORS, draw)
    (folder / "draft.fa").write_text(f">draft\n{text}\n")
    aligner = mappy.Aligner(seq=text, preset="map-ont")
    header = pysam.AlignmentHeader.from_references(["draft"], [len(text)])
    raw, bam = str(folder / "raw.bam"), str(folder / "reads.bam")
    with pysam.AlignmentFile(raw, "wb", header=header) as out:
        for number in range(LENGTH * DEPTH // READ):
            start = draw.randrange(max(1, LENGTH - READ))
            read = mutated(genome[start : start + READ], READ_ERRORS, draw)
            if draw.random() < 0.5:
                read = mappy.revcomp(read)
            hit = next((hit for hit in aligner.map(read) if hit.is_primary), None)
            if hit is not None:
                out.write(_aligned(pysam, header, f"read{number}", read, hit))
    pysam.sort("-o", bam, raw)
    pysam.index(bam)


def _aligned(pysam: Any, header: Any, name: str, read: str, hit: Any) -> Any:
    """Return a read as a line of the alignment, what does not match at its ends clipped."""
    one = pysam.AlignedSegment(header)
    one.query_name, one.flag = name, 16 if hit.strand < 0 else 0
    one.reference_id, one.reference_start, one.mapping_quality = 0, hit.r_st, hit.mapq
    ends = (hit.q_st, len(read) - hit.q_en)
    if hit.strand < 0:
        read, ends = import_module("mappy").revcomp(read), ends[::-1]
    before, after = (f"{size}S" if size else "" for size in ends)
    one.query_sequence, one.cigarstring = read, f"{before}{hit.cigar_str}{after}"
    return one


def command(scripts: Path, folder: Path, variant: str, out: Path) -> list[str]:
    """Return the stage of the pipeline in which the network is."""
    words = ["inference", str(folder / "reads.bam"), f"{out}.hdf", "--model", variant]
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    return [str(scripts / "medaka"), *words, "--cpu", "--threads", threads]


def finish(folder: Path, variant: str, out: Path) -> None:
    """Write the consensus."""
    medaka = str(Path(sys.executable).with_name("medaka"))
    draft = str(folder / "draft.fa")
    subprocess.run([medaka, "sequence", f"{out}.hdf", draft, str(out)], check=True)
