# Prints the chart's values.yaml with the registry and with the digests of images.txt, for `make dist`:
# awk -v registry=REGISTRY -f values.awk images.txt values.yaml
FNR == NR { digests[$1] = $3; next }
/^[a-z]/ { in_image = /^image:/ }
in_image && /^  registry: / { $0 = "  registry: " registry; done++ }
in_image && /^  (companion|filter):/ { image = $1; sub(":", "", image) }
in_image && /^    digest: ""/ { $0 = "    digest: " digests[image]; done++ }
{ print }
END {
    if (done != 3) {
        print "values.awk: the image block of values.yaml has changed" >"/dev/stderr"
        exit 1
    }
}
