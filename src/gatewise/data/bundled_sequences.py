"""The bundled sequences: splice sites, a promoter, two plastid genomes and parts of three others."""

from __future__ import annotations

from gatewise.data.dataset import Dataset, Region

_MAVENN = (
    "Data as in the examples of MAVE-NN: Tareen A, Kooshkbaghi M, Posfai A, Ireland WT, McCandlish DM, "
    "Kinney JB (2022). Genome Biology 23, 98."
)
_MAVENN_TERMS = "MIT (Copyright (c) 2020 Ammar Tareen, Justin B. Kinney)"
_CLASSES = {
    "CDS": "coding sequence on either strand; the class of a base is this or 'other'",
    "tRNA": "transfer RNA, with features=['CDS', 'tRNA']",
    "rRNA": "ribosomal RNA, likewise",
}
_CODING = {"alphabet": "dna", "features": ("CDS",)}

_ARABIDOPSIS = "NC_000932.1"
_ARABIDOPSIS_REGIONS = (
    Region(_ARABIDOPSIS, 1, 50_500, "training"),
    Region(_ARABIDOPSIS, 51_001, 64_500, "validation"),
    Region(_ARABIDOPSIS, 65_501, 83_980, "test"),
    Region(_ARABIDOPSIS, 84_501, 108_700, "training", "inverted repeat"),
    Region(_ARABIDOPSIS, 110_441, 128_200, "test"),
    Region(_ARABIDOPSIS, 129_949, 154_148, "training", "inverted repeat"),
)
"""Cut between genes, 500 bases and more apart. The two inverted repeats are copies of each other, so
both train; what lies beside them, as far as the repeats reach, is in no part."""

SEQUENCES = {
    "splice": Dataset(
        name="splice",
        title="Splicing of 30,483 variants of a 5' splice site (BRCA2 exon 17), 9 bases each",
        rows=30_483,
        step="1 base",
        columns={
            "sequence": "RNA, the exon's last 3 and the intron's first 6 bases",
            "y": "log10 of the percentage spliced in",
            "total_count": "reads of the variant",
            "exon_count": "of these, or of a later library, reads with the exon",
            "split": "training, validation or test, as published",
        },
        terms=_MAVENN_TERMS,
        citation=(
            "Wong MS, Kinney JB, Krainer AR (2018). Quantitative activity profile and context "
            f"dependence of all human 5' splice sites. Molecular Cell 71, 1012-1026. {_MAVENN}"
        ),
        notes=(
            "All have G and then U or C at bases 4 and 5.",
            "Most variants are hardly spliced: the median of y is -0.28, its largest value 2.3.",
        ),
        kind="sequences",
        unit="sequence",
        reading={"alphabet": "rna", "target": "y", "label_kind": "numbers"},
        split="split",
    ),
    "promoter": Dataset(
        name="promoter",
        title="Sorted cells with variants of the lac promoter of Escherichia coli, 75 bases each",
        rows=51_853,
        step="1 base",
        columns={
            "sequence": "DNA, positions -75 to -1",
            "bin": "the bin of fluorescence that one cell was sorted into, 0 to 9",
            "split": "training, validation or test, as published",
        },
        terms=_MAVENN_TERMS,
        citation=(
            "Kinney JB, Murugan A, Callan CG, Cox EC (2010). Using deep sequencing to characterize the "
            "biophysical mechanism of a transcriptional regulatory sequence. PNAS 107, 9158-9163. "
            f"{_MAVENN}"
        ),
        notes=(
            "One row for each read. 1,305 of the 50,518 variants were read two or three times, in "
            "different bins; all reads of a variant are in one part.",
        ),
        kind="sequences",
        unit="sequence",
        reading={"alphabet": "dna", "target": "bin", "label_kind": "classes"},
        split="split",
    ),
    "arabidopsis_plastid": Dataset(
        name="arabidopsis_plastid",
        title="Chloroplast genome of Arabidopsis thaliana with its genes, 154,478 bases",
        rows=6,
        step="1 base",
        columns=_CLASSES,
        terms="Biopython licence; sequence NC_000932.1 of NCBI RefSeq",
        citation=(
            "Sato S, Nakamura Y, Kaneko T, Asamizu E, Tabata S (1999). Complete structure of the "
            "chloroplast genome of Arabidopsis thaliana. DNA Research 6, 283-290."
        ),
        notes=(
            "51.3 % of the genome is coding.",
            "Read in six regions with their parts, 148,640 bases: cut between genes, 500 bases and more "
            "apart, both inverted repeats (which are copies) in training. The whole: regions=().",
        ),
        kind="sequences",
        unit="sequence",
        files=("arabidopsis_plastid.fa.gz", "arabidopsis_plastid.gff3.gz"),
        reading={**_CODING, "regions": _ARABIDOPSIS_REGIONS},
    ),
    "tobacco_plastid": Dataset(
        name="tobacco_plastid",
        title="Plastid genome of Nicotiana tabacum with its genes, 155,943 bases",
        rows=1,
        step="1 base",
        columns=_CLASSES,
        terms="MIT (Copyright (c) 2023 Satoshi Kawato); sequence NC_001879.2 of NCBI RefSeq",
        citation=(
            "Shinozaki K and 22 others (1986). The complete nucleotide sequence of the tobacco "
            "chloroplast genome. EMBO Journal 5, 2043-2049."
        ),
        notes=(
            "53.1 % is coding. A genome to test on: its genes are relatives of those of Arabidopsis.",
        ),
        kind="sequences",
        unit="sequence",
        files=("tobacco_plastid.fa.gz", "tobacco_plastid.gff3.gz"),
        reading=_CODING,
    ),
    "plastids": Dataset(
        name="plastids",
        title="The two chloroplast genomes: Arabidopsis to train on, tobacco to test on",
        rows=7,
        step="1 base",
        columns=_CLASSES,
        terms="those of arabidopsis_plastid and tobacco_plastid",
        citation="See arabidopsis_plastid and tobacco_plastid.",
        notes=(
            "The test regions of arabidopsis_plastid train too; its validation region stays one.",
            "Relatives: most genes are in both, so that a good score may be memory of genes.",
        ),
        kind="sequences",
        unit="sequence",
        reading=_CODING,
        members=(("arabidopsis_plastid", "training"), ("tobacco_plastid", "test")),
    ),
    "other_genomes": Dataset(
        name="other_genomes",
        title="Three stretches of other genomes with their genes: a plant, a fly, a bacterium",
        rows=3,
        step="1 base",
        columns={"CDS": _CLASSES["CDS"]},
        terms="Biopython licence; sequences AC007323.5, AL138972.1, NC_005816.1 of GenBank and RefSeq",
        citation="The records' own references: see GenBank.",
        notes=(
            "AC007323.5: Arabidopsis thaliana, chromosome 1 (86,436 bases, 29.6 % coding, introns).",
            "AL138972.1: Drosophila melanogaster, X chromosome (154,329 bases, 17.6 % coding, introns).",
            "NC_005816.1: a plasmid of Yersinia pestis (9,609 bases, 60.5 % coding).",
            "No plastids: what a model of plastid genes finds here has been transferred far.",
        ),
        kind="sequences",
        unit="sequence",
        files=("other_genomes.fa.gz", "other_genomes.gff3.gz"),
        reading=_CODING,
    ),
}
