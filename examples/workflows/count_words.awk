# Counts the words of a text and prints them as one JSON map.
{
  for (i = 1; i <= NF; i++) {
    if (!($i in count)) order[++words] = $i
    count[$i]++
  }
}
END {
  printf "{"
  for (i = 1; i <= words; i++) printf "%s\"%s\": %d", (i > 1 ? ", " : ""), order[i], count[order[i]]
  print "}"
}
