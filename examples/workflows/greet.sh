# Reads a JSON map and greets. The first attempt says "try again later": exit code 75.
if [ "$TROUPE_ATTEMPT" -lt 2 ]; then
  echo "not awake yet" >&2
  exit 75
fi
words=$(cat)
echo "$GREETING: ${#words} bytes"
