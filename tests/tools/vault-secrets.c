/*
 * vault-secrets.c - what a store's disk could betray, listed and looked for
 *
 *   vault-secrets dump STORE ID     one line each, NAME HEX: all keys of a device that has a sealed image ("key ..."), everything that
 *                                   wraps or names one on the disk ("wrap ..."), and its ciphertext ("cipher ..."). A store without a lock,
 *                                   its service running or not; nothing is changed
 *   vault-secrets cut FILE STEP     the 32 bytes at each multiple of STEP ("cut ...") that are not all alike
 *   vault-secrets find MEDIUM       reads such lines; prints those that lie anywhere in MEDIUM, at any byte, then "N of M"
 *
 * find skips the holes of MEDIUM: they are zeros, and no line is.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/vault/nodes.h"
#include "fs/vault/slot.h"

#define LENGTH_MOST 64
#define LEAST	    16 /* shorter ones would be found by accident, one day */
#define PIECE	    (size_t)(4u << 20)
#define TABLE_BITS  22

_Noreturn static void die(const char *what, const char *words)
{
	fprintf(stderr, "vault-secrets: %s: %s\n", what, words);
	exit(2);
}

static int open_or_die(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(path, strerror(errno));
	return fd;
}

static void print_hex(const char *name, const uint8_t *bytes, size_t length)
{
	char hex[2 * LENGTH_MOST + 1];

	printf("%s %s\n", name, sodium_bin2hex(hex, sizeof(hex), bytes, length));
}

/* ---- dump: the key file ------------------------------------------------------------------------------ */

struct found_keys {
	uint8_t kek[VAULT_KEY];
	struct key_pair roots;
	bool has_roots;
};

static void dump_locks(const struct vault_header *header, uint8_t kek[VAULT_KEY])
{
	const struct vault_secret none = {.kind = VAULT_LOCK_NONE};
	struct key_pair own;

	if (lock_open(&header->locks[0], &none, header->id, kek, NULL) != BL_OK)
		die("keys", "has a lock");
	if (header_open(header, kek, &own, NULL) != BL_OK)
		die("keys", "does not open");
	print_hex("key kek", kek, VAULT_KEY);
	print_hex("key store-seed", own.first, VAULT_KEY);
	print_hex("key store-master", own.second, VAULT_KEY);
}

static void dump_slot(const char *id, const uint8_t *page, struct found_keys *found)
{
	struct slot slot;

	slot_decode(page, &slot);
	if (slot.state != SLOT_LIVE || strcmp(slot.id, id) != 0)
		return;
	if (slot_open(&slot, found->kek, &found->roots, NULL) != BL_OK)
		die("keys", "a slot does not open");
	found->has_roots = true;
	print_hex("wrap slot-nonce", slot.nonce, VAULT_NONCE);
	print_hex("wrap slot-sealed", slot.sealed, LENGTH_MOST);
	print_hex("wrap slot-tail", slot.sealed + VAULT_SEALED - VAULT_KEY, VAULT_KEY);
	print_hex("wrap slot-checksum", page + VAULT_PAGE - VAULT_KEY, VAULT_KEY);
}

static void dump_keys(int store, const char *id, struct found_keys *found)
{
	static uint8_t page[VAULT_PAGE];
	struct vault_header header;
	int fd = openat(store, "keys", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, page, sizeof(page), 0) != (ssize_t)sizeof(page) ||
	    header_decode(page, &header, NULL) != BL_OK)
		die("keys", "no key file");
	dump_locks(&header, found->kek);
	for (off_t at = 2 * VAULT_PAGE; pread(fd, page, sizeof(page), at) == (ssize_t)sizeof(page);
	     at += VAULT_PAGE)
		dump_slot(id, page, found);
	close(fd);
	if (!found->has_roots)
		die(id, "has no keys");
	print_hex("key device-root", found->roots.first, VAULT_KEY);
	print_hex("key image-root", found->roots.second, VAULT_KEY);
}

/* ---- dump: the image ----------------------------------------------------------------------------------- */

static void dump_derived(const uint8_t root[VAULT_KEY])
{
	uint8_t key[VAULT_KEY];

	tree_top_key(root, key);
	print_hex("key image-tree", key, sizeof(key));
	sealed_derive(root, "bailee image header", "", 0, key);
	print_hex("key image-header", key, sizeof(key));
	sealed_derive(root, "bailee image gaps", "", 0, key);
	print_hex("key image-gaps", key, sizeof(key));
}

/* Both slots, whatever they are; not the digest of the image, which is no secret. */
static void dump_header(int header)
{
	static _Alignas(SEALED_PAGE) uint8_t page[SEALED_PAGE]; /* it is read with O_DIRECT */

	for (off_t at = 0; at < 2 * SEALED_PAGE; at += SEALED_PAGE) {
		if (pread(header, page, sizeof(page), at) != (ssize_t)sizeof(page))
			die("header", "cannot be read");
		if (sodium_is_zero(page, sizeof(page)))
			continue;
		if (!sodium_is_zero(page + 120, LENGTH_MOST)) {
			print_hex("wrap header-top", page + 120, LENGTH_MOST);
			print_hex("wrap header-hash", page + 168, SEALED_HASH);
		}
		print_hex("wrap header-mac", page + 4032, LENGTH_MOST);
	}
}

/* Every piece of a file that is not all zeros: of nodes on both sides, current or not. */
static void dump_pieces(const char *name, int fd, size_t piece, size_t shown)
{
	uint8_t bytes[LENGTH_MOST];
	off_t at = 0;

	for (; pread(fd, bytes, piece, at) == (ssize_t)piece; at += (off_t)piece)
		if (!sodium_is_zero(bytes, piece))
			print_hex(name, bytes, shown);
}

static void dump_chunks(const struct sealed_header *header, const struct nodes_group *group,
			uint64_t first, int data)
{
	struct sealed_names names;

	sealed_names_of(header, &names);
	for (uint64_t i = 0; i < SEALED_GROUP_CHUNKS; i++) {
		uint8_t key[VAULT_KEY], number[8], bytes[LENGTH_MOST];
		struct chunk_index entry;

		if (!chunk_index_decode(group->index + i * SEALED_INDEX_ENTRY, &entry) ||
		    entry.generation == 0)
			continue;
		bl_put64(number, first + i);
		sealed_derive(group->key, "bailee chunk", number, sizeof(number), key);
		print_hex("key chunk", key, sizeof(key));
		if (pread(data, bytes, sizeof(bytes), (off_t)((first + i) * SEALED_CHUNK)) ==
		    (ssize_t)sizeof(bytes))
			print_hex("cipher chunk", bytes, sizeof(bytes));
	}
}

static void dump_tree(const struct sealed_header *header, const struct sealed_files *files,
		      const uint8_t root[VAULT_KEY])
{
	struct nodes *nodes = NULL;
	struct bl_error why;
	uint64_t groups =
		sealed_groups(header->image_bytes ? header->image_bytes : header->done_bytes);

	if (nodes_open(header, files, root, &nodes, &why) != BL_OK)
		die("keys of the image", why.text);
	for (unsigned level = 0; level < header->levels; level++)
		for (uint64_t i = 0; i == 0 || i << 6 * (level + 1) < groups; i++) {
			struct nodes_node node;

			if (nodes_node(nodes, level, i, &node, &why) != BL_OK)
				die("a node", why.text);
			if (!node.is_empty)
				print_hex("key node", node.key, VAULT_KEY);
		}
	for (uint64_t i = 0; i < groups; i++) {
		struct nodes_group group;

		if (i * SEALED_GROUP >= header->done_bytes)
			break;
		if (nodes_group(nodes, i, &group, &why) != BL_OK)
			die("a group", why.text);
		if (group.is_zero)
			continue;
		print_hex("key group", group.key, VAULT_KEY);
		dump_chunks(header, &group, i * SEALED_GROUP_CHUNKS, files->data);
	}
	nodes_close(nodes);
}

static void dump_sealed_file(const struct sealed_files *files, const char *name, const char *what)
{
	uint8_t bytes[LENGTH_MOST];
	int fd = openat(files->folder, name, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
		print_hex(what, bytes, sizeof(bytes));
	if (fd >= 0)
		close(fd);
}

static void dump_image(int device, const char *id, const uint8_t root[VAULT_KEY])
{
	struct sealed_files files;
	struct sealed_header header;
	struct bl_error why;
	unsigned slot;

	if (sealed_files_open(device, false, &files, &why) != BL_OK ||
	    sealed_header_read(&files, id, root, &header, &slot, &why) != BL_OK)
		die("image", why.text);
	dump_derived(root);
	dump_header(files.header);
	dump_pieces("wrap node-entry", files.keys, SEALED_ENTRY, 56);
	dump_pieces("wrap index-entry", files.index, SEALED_INDEX_ENTRY, 24);
	dump_sealed_file(&files, "gaps", "wrap gaps");
	dump_sealed_file(&files, "intake", "cipher intake");
	dump_tree(&header, &files, root);
	sealed_files_close(&files);
}

static int dump(const char *store_path, const char *id)
{
	char path[64];
	struct found_keys found = {.has_roots = false};
	int store = open_or_die(store_path);

	dump_keys(store, id, &found);
	snprintf(path, sizeof(path), "devices/%s", id);

	int device = openat(store, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (device < 0)
		die(path, strerror(errno));
	dump_image(device, id, found.roots.second);
	close(device);
	close(store);
	return 0;
}

/* ---- cut ------------------------------------------------------------------------------------------------ */

static int cut(const char *path, const char *step_text)
{
	long step = strtol(step_text, NULL, 10);
	uint8_t bytes[32], alike[32];
	int fd = open_or_die(path);

	if (step < 1)
		die(step_text, "no step");
	for (off_t at = 0; pread(fd, bytes, sizeof(bytes), at) == (ssize_t)sizeof(bytes);
	     at += step) {
		memset(alike, bytes[0], sizeof(alike));
		if (memcmp(alike, bytes, sizeof(bytes)) != 0)
			print_hex("cut", bytes, sizeof(bytes));
	}
	close(fd);
	return 0;
}

/* ---- find ------------------------------------------------------------------------------------------------ */

struct wanted {
	char *line;
	uint8_t bytes[LENGTH_MOST];
	size_t length;
	uint32_t next; /* in its chain, by number + 1 */
	bool is_found;
};
struct search {
	struct wanted *items;
	size_t count, found;
	uint32_t *table; /* by the first 8 bytes */
};

static uint32_t place_of(const uint8_t *bytes)
{
	return (uint32_t)(bl_get64(bytes) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - TABLE_BITS));
}

static void add_line(struct search *search, const char *line)
{
	struct wanted wanted = {.is_found = false};
	const char *hex = strrchr(line, ' ');

	if (!hex ||
	    sodium_hex2bin(wanted.bytes, sizeof(wanted.bytes), hex + 1, strcspn(hex + 1, "\n"),
			   NULL, &wanted.length, NULL) != 0 ||
	    wanted.length < LEAST)
		die("a line is not NAME HEX", line);
	search->items = reallocarray(search->items, search->count + 1, sizeof(*search->items));
	wanted.line = strdup(line);
	if (!search->items || !wanted.line)
		die("find", "out of memory");

	uint32_t *first = &search->table[place_of(wanted.bytes)];

	wanted.next = *first;
	search->items[search->count++] = wanted;
	*first = (uint32_t)search->count;
}

static void look_at(struct search *search, const uint8_t *at, size_t left)
{
	for (uint32_t i = search->table[place_of(at)]; i; i = search->items[i - 1].next) {
		struct wanted *wanted = &search->items[i - 1];

		if (wanted->is_found || wanted->length > left ||
		    memcmp(wanted->bytes, at, wanted->length) != 0)
			continue;
		wanted->is_found = true;
		search->found++;
		fputs(wanted->line, stdout);
	}
}

/* [from, to) of the medium; pieces overlap so that nothing is missed between two. */
static void look_through(struct search *search, int fd, off_t from, off_t to, uint8_t *bytes)
{
	while (from < to) {
		size_t want = BL_MIN((size_t)(to - from), PIECE);
		ssize_t got = pread(fd, bytes, want, from);

		if (got <= 0)
			die("medium", got ? strerror(errno) : "ends early");
		for (size_t i = 0; i + LEAST <= (size_t)got; i++)
			look_at(search, bytes + i, (size_t)got - i);
		from += got;
		if (from < to)
			from -= LENGTH_MOST;
	}
}

static int find(const char *path)
{
	struct search search = {.table = calloc(1u << TABLE_BITS, sizeof(*search.table))};
	uint8_t *bytes = malloc(PIECE);
	char *line = NULL;
	size_t room = 0;
	int fd = open_or_die(path);
	off_t end = lseek(fd, 0, SEEK_END), from = 0;

	if (!search.table || !bytes)
		die("find", "out of memory");
	while (getline(&line, &room, stdin) > 0)
		add_line(&search, line);
	while (from < end && (from = lseek(fd, from, SEEK_DATA)) >= 0) {
		off_t to = lseek(fd, from, SEEK_HOLE);

		look_through(&search, fd, from, to < 0 ? end : to, bytes);
		from = to < 0 ? end : to;
	}
	printf("%zu of %zu\n", search.found, search.count);
	for (size_t i = 0; i < search.count; i++)
		free(search.items[i].line);
	free(search.items);
	free(search.table);
	free(bytes);
	free(line);
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	if (sodium_init() < 0)
		die("libsodium", "does not start");
	if (argc == 4 && strcmp(argv[1], "dump") == 0)
		return dump(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "cut") == 0)
		return cut(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "find") == 0)
		return find(argv[2]);
	die("use", "dump STORE ID | cut FILE STEP | find MEDIUM");
}
