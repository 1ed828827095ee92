/* preload.c - a library that somebody wants in a viewer: says in $ATTACK_DROP that it is in "attack" */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void loaded(void)
{
	const char *drop = getenv("ATTACK_DROP");

	if (drop && strcmp(program_invocation_short_name, "attack") == 0)
		close(open(drop, O_CREAT | O_WRONLY, 0666));
}
