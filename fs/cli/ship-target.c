#include "fs/cli/ship-target.h"

#include <string.h>
#include <sys/un.h>

#include "fs/cli/cli.h"

static const struct ship_kind *const KINDS[] = {&SHIP_FILE, &SHIP_UNIX, &SHIP_TCP, &SHIP_TLS};

static enum bl_status read_path(struct ship_target *target, const char *path, struct bl_error *why)
{
	if (*path != '/')
		return bl_fail(why, BL_INVALID, "'%s:' needs a path from the root (%s:/path)",
			       target->kind->scheme, target->kind->scheme);
	if (target->kind == &SHIP_UNIX &&
	    strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return bl_fail(why, BL_INVALID,
			       "the path of a socket has at most 107 bytes (give a shorter one)");
	target->path = path;
	return BL_OK;
}

/* HOST:PORT, and [2001:db8::1]:PORT. */
static enum bl_status read_address(struct ship_target *target, const char *text,
				   struct bl_error *why)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	bool is_bracketed = length > 2 && *text == '[' && text[length - 1] == ']';
	uint64_t port = 0;

	if (is_bracketed) {
		text++;
		length -= 2;
	}
	if (!length || length >= sizeof(target->host) ||
	    strlen(colon + 1) >= sizeof(target->port) ||
	    !cli_parse_number(colon + 1, 65535, &port) || port == 0 ||
	    (!is_bracketed && memchr(text, ':', length)))
		return bl_fail(why, BL_INVALID, "'%s:' needs HOST:PORT (an IPv6 address in [])",
			       target->kind->scheme);
	memcpy(target->host, text, length);
	target->host[length] = '\0';
	strcpy(target->port, colon + 1);
	return BL_OK;
}

enum bl_status ship_target_init(struct ship_target *target, const char *name, struct bl_error *why)
{
	*target = (struct ship_target){.fd = -1, .stop_fd = -1};
	for (size_t i = 0; i < BL_COUNT(KINDS); i++) {
		size_t length = strlen(KINDS[i]->scheme);

		if (strncmp(name, KINDS[i]->scheme, length) != 0 || name[length] != ':')
			continue;
		target->kind = KINDS[i];
		return target->kind == &SHIP_FILE || target->kind == &SHIP_UNIX
			       ? read_path(target, name + length + 1, why)
			       : read_address(target, name + length + 1, why);
	}
	return bl_fail(why, BL_INVALID,
		       "no such target (unix:PATH, tcp:HOST:PORT, tls:HOST:PORT or file:PATH)");
}
