#include "fs/cli/mount-options.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_MOST (366u * 86400u)

/* What mount(8) and fstab say to every helper, and what holds for every mount of ours whether it is said or not. */
static const char *const IGNORED[] = {
	"ro",	  "nosuid",	 "nodev",  "noexec", "noatime",	 "nodiratime", "relatime",
	"nomand", "nosymfollow", "async",  "silent", "defaults", "auto",       "noauto",
	"user",	  "users",	 "nouser", "owner",  "group",	 "nofail",     "_netdev",
};

static const struct {
	const char *name, *why;
} REFUSED[] = {
	{"rw", "a device is never written"},
	{"remount", "unmount, then mount again"},
	{"suid", "programs of a device gain no rights"},
	{"exec", "programs of a device are never run"},
	{"dev", "device nodes of a device are never opened"},
	{"allow_other", "a mount is one person's: the kernel refuses all others"},
	{"allow_root", "a mount is one person's: the kernel refuses all others, root too"},
	{"default_permissions", "the policy decides who may open what"},
	{"uid", "what is shown belongs to whoever mounts it"},
	{"gid", "what is shown belongs to whoever mounts it"},
	{"umask", "the policy decides who may open what"},
	{"nonempty", "give an empty directory"},
};

static bool is_ignored(const char *name)
{
	for (size_t i = 0; i < BL_COUNT(IGNORED); i++)
		if (strcmp(name, IGNORED[i]) == 0)
			return true;
	/* Userspace's own: x-systemd.automount, comment=... */
	return strncmp(name, "x-", 2) == 0 || strncmp(name, "X-", 2) == 0 ||
	       strcmp(name, "comment") == 0;
}

static enum bl_status take_timeout(struct mount_options *options, const char *value,
				   struct bl_error *why)
{
	uint64_t seconds;

	if (!cli_parse_number(value, TIMEOUT_MOST, &seconds) || seconds == 0)
		return bl_fail(why, BL_INVALID, "timeout= is not a number of seconds (1 to %u)",
			       TIMEOUT_MOST);
	options->timeout_seconds = (unsigned)seconds;
	return BL_OK;
}

static const char **text_of(struct mount_options *options, const char *name)
{
	const struct {
		const char *name, **text;
	} texts[] = {
		{"policy", &options->policy},	 {"store", &options->store},
		{"purpose", &options->purpose},	 {"reason", &options->reason},
		{"device", &options->device},	 {"passphrase-file", &options->passphrase_file},
		{"key-file", &options->key_file}};

	for (size_t i = 0; i < BL_COUNT(texts); i++)
		if (strcmp(name, texts[i].name) == 0)
			return texts[i].text;
	return NULL;
}

static enum bl_status refuse(const char *name, bool is_mount, struct bl_error *why)
{
	for (size_t i = 0; is_mount && i < BL_COUNT(REFUSED); i++)
		if (strcmp(name, REFUSED[i].name) == 0)
			return bl_fail(why, BL_INVALID, "-o %s is refused: %s", name,
				       REFUSED[i].why);
	return bl_fail(why, BL_INVALID, "no option -o '%.60s' (there are %soffset= partition= fs=)",
		       name,
		       is_mount ? "timeout= policy= store= purpose= reason= device= "
				  "passphrase-file= key-file= start= "
				: "");
}

static enum bl_status take_word(struct mount_options *options, char *word, bool is_mount,
				struct bl_error *why)
{
	char *equals = strchr(word, '=');
	const char *value = equals ? equals + 1 : "";

	if (equals)
		*equals = '\0';
	if (is_mount && is_ignored(word))
		return BL_OK;
	const char **text = is_mount ? text_of(options, word) : NULL;

	if (text) {
		*text = value;
		return *value ? BL_OK : bl_fail(why, BL_INVALID, "-o %s= is empty", word);
	}
	if (is_mount && strcmp(word, "timeout") == 0)
		return take_timeout(options, value, why);
	enum bl_status status = image_part_take(&options->part, word, value, why);

	return status == BL_NOT_FOUND ? refuse(word, is_mount, why) : status;
}

/* Up to the next comma that is meant as one: "\," is none, nor is one in quotes, as in fstab. NULL: no word is left. */
static char *next_word(char **rest)
{
	char *word = *rest, *to = word, *from = word;
	bool is_quoted = false;

	if (!word)
		return NULL;
	for (; *from && (is_quoted || *from != ','); from++) {
		if (*from == '"') {
			is_quoted = !is_quoted;
			continue;
		}
		if (*from == '\\' && (from[1] == ',' || from[1] == '\\' || from[1] == '"'))
			from++;
		*to++ = *from;
	}
	*rest = *from ? from + 1 : NULL;
	*to = '\0';
	return word;
}

enum bl_status mount_options_take(struct mount_options *options, char *text, bool is_mount,
				  struct bl_error *why)
{
	enum bl_status status = BL_OK;

	for (char *word; status == BL_OK && (word = next_word(&text));)
		if (*word)
			status = take_word(options, word, is_mount, why);
	return status;
}
