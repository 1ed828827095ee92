/* mask-files.c - IN OUT: every file of folder IN, masked as a view whose styles are all `fill` would show it, into folder OUT
 *
 * For `make accuracy`: what the gate does with a file's bytes, without a mount between. "NAME VALUE" lines of a file named
 * with --known are identities of the record (NAME: name, email, phone, address). What nobody may look into is not written.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/detect/detect.h"
#include "policy/mask/mask.h"

#define KNOWN_LIMIT 20000

struct tool {
	struct detect_scanner *scanner;
	struct detect_work *work;
	struct detect_spans spans;
	struct detect_pieces pieces;
	struct mask mask; /* zeroed: all fill */
};

static uint8_t *read_whole(const char *path, size_t *out_size)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	uint8_t *bytes = NULL;

	if (file && fstat(fileno(file), &st) == 0 && (bytes = malloc((size_t)st.st_size + 1)))
		*out_size = fread(bytes, 1, (size_t)st.st_size, file);
	if (file)
		fclose(file);
	return bytes;
}

/* One window: found in the original, masked in a copy of it. */
static bool mask_one(struct tool *tool, const struct detect_profile *profile,
		     struct detect_state *state, const uint8_t *bytes, size_t size, size_t at,
		     uint8_t *out)
{
	struct detect_window window = {.lead = BL_MIN(at, (size_t)DETECT_LEAD),
				       .core = BL_MIN(size - at, (size_t)DETECT_WINDOW),
				       .offset = at};

	window.tail = BL_MIN(size - at - window.core, (size_t)DETECT_TAIL);
	window.bytes = bytes + at - window.lead;
	if (detect_look(tool->scanner, profile, detect_is_local(profile) ? NULL : state, &window,
			tool->work, &tool->spans, &tool->pieces) != BL_OK)
		return false;

	size_t length = window.lead + window.core + window.tail;
	uint8_t *copy = malloc(length);
	bool is_masked = copy != NULL;

	if (copy) {
		memcpy(copy, window.bytes, length);
		is_masked = mask_look(&tool->mask, &tool->pieces, copy, window.lead, window.core,
				      window.tail, at, &tool->spans, tool->work) == BL_OK;
		memcpy(out + at, copy + window.lead, window.core);
	}
	free(copy);
	return is_masked;
}

static bool mask_file(struct tool *tool, const char *name, const char *from, const char *to)
{
	struct detect_state state = {0};
	struct detect_profile profile;
	size_t size = 0;
	uint8_t *bytes = read_whole(from, &size), *out = bytes ? malloc(size + 1) : NULL;
	bool is_done = out != NULL;

	if (is_done) {
		detect_profile(bytes, BL_MIN(size, (size_t)DETECT_HEAD), size, name, &profile);
		is_done = profile.is_text;
	}
	for (size_t at = 0; is_done && at < size; at += DETECT_WINDOW)
		is_done = mask_one(tool, &profile, &state, bytes, size, at, out);
	FILE *file = is_done ? fopen(to, "wb") : NULL;

	if (file) {
		is_done = fwrite(out, 1, size, file) == size;
		is_done = fclose(file) == 0 && is_done;
	}
	free(bytes);
	free(out);
	return is_done && file;
}

static int mask_folder(struct tool *tool, const char *in, const char *out)
{
	DIR *folder = opendir(in);
	struct dirent *entry;
	unsigned withheld = 0, masked = 0;

	if (!folder) {
		perror(in);
		return 1;
	}
	while ((entry = readdir(folder))) {
		char from[4096], to[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(from, sizeof(from), "%s/%s", in, entry->d_name);
		snprintf(to, sizeof(to), "%s/%s", out, entry->d_name);
		if (mask_file(tool, entry->d_name, from, to))
			masked++;
		else
			withheld++;
	}
	closedir(folder);
	printf("%u masked, %u withheld\n", masked, withheld);
	return 0;
}

static const struct {
	const char *word;
	enum detect_identity_kind kind;
} KINDS[] = {{"name", IDENTITY_NAME},
	     {"email", IDENTITY_EMAIL},
	     {"phone", IDENTITY_PHONE},
	     {"address", IDENTITY_ADDRESS}};

static size_t read_known(const char *path, struct detect_identity *out)
{
	FILE *file = fopen(path, "r");
	char line[512];
	size_t count = 0;

	while (file && count < KNOWN_LIMIT && fgets(line, sizeof(line), file)) {
		char *space = strchr(line, ' ');

		if (!space)
			continue;
		*space++ = '\0';
		space[strcspn(space, "\n")] = '\0';
		for (size_t i = 0; i < BL_COUNT(KINDS); i++)
			if (strcmp(KINDS[i].word, line) == 0)
				out[count++] = (struct detect_identity){.kind = KINDS[i].kind,
									.value = strdup(space)};
	}
	if (file)
		fclose(file);
	return count;
}

int main(int argc, char **argv)
{
	struct tool tool = {0};
	struct detect_identity *known = calloc(KNOWN_LIMIT, sizeof(*known));
	bool has_known = argc == 5 && strcmp(argv[3], "--known") == 0;

	if (!known || (argc != 3 && !has_known)) {
		fprintf(stderr, "usage: mask-files IN OUT [--known FILE]\n");
		return 2;
	}
	size_t count = has_known ? read_known(argv[4], known) : 0;

	if (detect_scanner_new(detect_supported(), NULL, known, count, &tool.scanner, NULL) !=
		    BL_OK ||
	    detect_work_new(&tool.work) != BL_OK)
		return 1;
	int code = mask_folder(&tool, argv[1], argv[2]);

	detect_scanner_free(tool.scanner);
	detect_work_free(tool.work);
	detect_spans_free(&tool.spans);
	detect_pieces_free(&tool.pieces);
	for (size_t i = 0; i < count; i++)
		free((char *)(uintptr_t)known[i].value);
	free(known);
	return code;
}
