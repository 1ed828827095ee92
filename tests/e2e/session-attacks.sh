# Whoever tries to carry something out of a sealed session, from inside, from outside or at its terminal, gets nothing: hundreds of attempts,
# each of which works where nothing is sealed (tests/attacks). docs/attacks.md names all of them.
exec sh "$BAILEE_ROOT/tests/attacks/run.sh"
