"""A GenBank file of two made-up records, for the tests that read one."""

GENBANK = """\
LOCUS       TEST1                     30 bp    DNA     circular PLN 15-APR-2009
DEFINITION  A made-up record.
ACCESSION   TEST1
VERSION     TEST1.2
FEATURES             Location/Qualifiers
     source          1..30
                     /organism="none"
     gene            2..20
                     /gene="one"
     CDS             join(2..4,9..10)
                     /gene="one"
                     /codon_start=1
     CDS             complement(join(12..13,18..20))
                     /gene="two"
     tRNA            complement(20..22)
     CDS             join(29..30,1..1)
     CDS             join(<25..>26,OTHER.1:1..3)
ORIGIN
        1 acgtacgtac gtacgtacgt nnacgtacgt
//
LOCUS       TEST2                      5 bp    DNA     linear   PLN 15-APR-2009
VERSION     TEST2.1
FEATURES             Location/Qualifiers
     source          1..5
ORIGIN
        1 aaaaa
//
"""
