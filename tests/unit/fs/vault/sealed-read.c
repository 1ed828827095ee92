/* Reading a sealed image: exactly what was sealed, or an error; never zeros for what does not verify. */
#include "tests/unit/fs/vault/sealed-read-fixture.h"

#include <pthread.h>

#define SMALL (UINT64_C(1) << 20)

#ifdef __SANITIZE_ADDRESS__ /* whose shadow is terabytes of memory to look through */
#define SKIP_UNDER_ASAN() skip()
#else
#define SKIP_UNDER_ASAN() ((void)0)
#endif

static const struct sealed_gap GAPS[] = {
	{.offset = 4096, .length = 512, .kind = SEALED_UNREADABLE},
	{.offset = 2 * SEALED_CHUNK, .length = SEALED_CHUNK, .kind = SEALED_LEFT_OUT},
	{.offset = 100 * (uint64_t)SEALED_GROUP,
	 .length = 3 * SEALED_GROUP,
	 .kind = SEALED_UNREADABLE},
};

static const enum sealed_algorithm ALGORITHMS[] = {SEALED_AES256_GCM, SEALED_XCHACHA20};

static bool has(enum sealed_algorithm algorithm)
{
	return algorithm == SEALED_XCHACHA20 || sealed_algorithm_here() == SEALED_AES256_GCM;
}

static struct sealed *open_ok(const struct image *image, struct sealed_hot *hot)
{
	struct sealed *sealed = NULL;
	struct bl_error why = {""};

	must_be_ok(image_open(image, hot, &sealed, &why), &why);
	return sealed;
}

/* As it was before: a test that breaks it must have mended it. */
static void opens(const struct image *image)
{
	struct sealed_hot *hot = hot_make(SMALL);

	sealed_close(open_ok(image, hot));
	sealed_hot_free(hot);
}

static void read_ok(const struct image *image, struct sealed *sealed, uint64_t offset,
		    size_t length)
{
	uint8_t *is = malloc(length + 1), *wanted = malloc(length + 1);
	struct bl_error why = {""};

	memset(is, 0xee, length + 1);
	must_be_ok(sealed_read(sealed, offset, is, length, &why), &why);
	model_read(image, offset, wanted, length);
	if (memcmp(is, wanted, length) != 0)
		fail_msg("%zu bytes at %llu", length, (unsigned long long)offset);
	assert_int_equal(is[length], 0xee);
	free(is);
	free(wanted);
}

static void read_fails(struct sealed *sealed, uint64_t offset, size_t length,
		       enum bl_status expected, const char *words)
{
	uint8_t *is = malloc(length);
	struct bl_error why = {""};

	memset(is, 0xee, length);

	enum bl_status status = sealed_read(sealed, offset, is, length, &why);

	if (status != expected || !strstr(why.text, words))
		fail_msg("%zu at %llu: %s: %s", length, (unsigned long long)offset,
			 bl_status_name(status), why.text);
	if (expected != BL_INVALID)
		assert_true(sodium_is_zero(is, length));
	free(is);
}

static void an_image_reads_as_it_was_sealed(void **state BL_UNUSED)
{
	static const struct {
		uint64_t offset;
		size_t length;
	} ROWS[] = {
		{0, 1},
		{0, 0},
		{IMAGE_BYTES, 0},
		{IMAGE_BYTES - 1, 1},
		{SEALED_CHUNK - 1, 2},
		{0, 3 * SEALED_GROUP},
		{62 * (uint64_t)SEALED_GROUP + 17, 3 * SEALED_GROUP},
		{IMAGE_BYTES - 2 * SEALED_GROUP - 5, 2 * SEALED_GROUP + 5},
		{ZERO_CHUNK * SEALED_CHUNK - 10, SEALED_CHUNK + 20},
		{10 * (uint64_t)SEALED_GROUP, 2 * SEALED_GROUP},
	};

	for (size_t a = 0; a < BL_COUNT(ALGORITHMS); a++) {
		struct image image;
		struct sealed_hot *hot = hot_make(SMALL);
		struct sealed_facts facts;

		if (!has(ALGORITHMS[a]))
			continue;
		image_make(&image, ALGORITHMS[a], NULL, 0);

		struct sealed *sealed = open_ok(&image, hot);

		for (size_t twice = 0; twice < 2; twice++)
			for (size_t i = 0; i < BL_COUNT(ROWS); i++)
				read_ok(&image, sealed, ROWS[i].offset, ROWS[i].length);
		read_fails(sealed, IMAGE_BYTES, 1, BL_INVALID, "past the end");
		read_fails(sealed, IMAGE_BYTES - 5, 6, BL_INVALID, "past the end");
		read_fails(sealed, UINT64_MAX - 2, 6, BL_INVALID, "past the end");
		sealed_facts_of(sealed, &facts);
		assert_int_equal(facts.algorithm, ALGORITHMS[a]);
		assert_int_equal(facts.image_bytes, IMAGE_BYTES);
		assert_true(facts.is_complete);
		assert_int_equal(facts.digest[0], 1);
		assert_true(facts.stored_bytes >= 78 * (uint64_t)SEALED_CHUNK &&
			    facts.stored_bytes < 10 * SEALED_GROUP);
		sealed_close(sealed);
		sealed_hot_free(hot);
		image_done(&image);
	}
}

/* Four threads at random in a cache of 16 chunks: most reads near each other, so that hits, misses and waits mix. */
struct reader {
	const struct image *image;
	struct sealed *sealed;
	uint64_t seed;
	uint64_t wrong;
};

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 20;
}

static uint64_t somewhere(uint64_t *seed)
{
	uint64_t kind = next_random(seed) % 100, at = next_random(seed);

	if (kind < 70)
		return at % (10 * SEALED_CHUNK);
	if (kind < 90)
		return 20 * (uint64_t)SEALED_GROUP + at % (40 * SEALED_GROUP);
	if (kind < 97)
		return STORED_AT[at % STORED] * SEALED_GROUP +
		       next_random(seed) % (3 * SEALED_CHUNK);
	return at % IMAGE_BYTES;
}

static void *read_at_random(void *context)
{
	struct reader *reader = context;
	uint8_t is[2048], wanted[2048];

	for (size_t i = 0; i < 250000; i++) {
		uint64_t offset = somewhere(&reader->seed);
		size_t length = 1 + next_random(&reader->seed) % sizeof(is);

		length = (size_t)BL_MIN((uint64_t)length, IMAGE_BYTES - offset);
		model_read(reader->image, offset, wanted, length);
		if (sealed_read(reader->sealed, offset, is, length, NULL) != BL_OK ||
		    memcmp(is, wanted, length) != 0)
			reader->wrong++;
	}
	return NULL;
}

static void a_million_reads_of_four_threads_are_right(void **state BL_UNUSED)
{
	struct image image;
	struct sealed_hot *hot = hot_make(SMALL);
	pthread_t threads[4];
	struct reader readers[4];

	image_make(&image, sealed_algorithm_here(), NULL, 0);

	struct sealed *sealed = open_ok(&image, hot);

	for (size_t i = 0; i < 4; i++) {
		readers[i] = (struct reader){&image, sealed, 977 * i + 5, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, read_at_random, &readers[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		if (readers[i].wrong)
			fail_msg("thread %zu: %llu reads are wrong", i,
				 (unsigned long long)readers[i].wrong);
	}
	sealed_close(sealed);
	sealed_hot_free(hot);
	image_done(&image);
}

static void what_is_not_there_is_an_error_and_its_neighbours_are_not(void **state BL_UNUSED)
{
	static const struct {
		uint64_t offset;
		size_t length;
		const char *words; /* NULL: reads */
	} ROWS[] = {
		{0, 4096, NULL},
		{0, 4097, "at byte 4096 of the image was not readable at intake"},
		{4607, 1, "at byte 4607 of the image was not readable at intake"},
		{4608, 100, NULL},
		{4000, 4000, "was not readable at intake"},
		{0, SEALED_GROUP, "was not readable at intake"},
		{2 * SEALED_CHUNK - 1, 1, NULL},
		{2 * SEALED_CHUNK - 1, 2, "was left out at intake"},
		{3 * SEALED_CHUNK - 1, 1, "was left out at intake"},
		{3 * SEALED_CHUNK, SEALED_GROUP, NULL},
		{100 * (uint64_t)SEALED_GROUP - 10, 10, NULL},
		{101 * (uint64_t)SEALED_GROUP, 10, "was not readable at intake"},
		{99 * (uint64_t)SEALED_GROUP, 5 * SEALED_GROUP, "was not readable at intake"},
		{103 * (uint64_t)SEALED_GROUP, 10, NULL},
		{4096, 0, NULL},
	};
	struct image image;
	struct sealed_hot *hot = hot_make(SMALL);

	image_make(&image, sealed_algorithm_here(), GAPS, BL_COUNT(GAPS));

	struct sealed *sealed = open_ok(&image, hot);

	assert_int_equal(sealed_gap_count(sealed), BL_COUNT(GAPS));
	assert_int_equal(sealed_gaps(sealed)[1].offset, GAPS[1].offset);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		if (ROWS[i].words)
			read_fails(sealed, ROWS[i].offset, ROWS[i].length, BL_IO, ROWS[i].words);
		else
			read_ok(&image, sealed, ROWS[i].offset, ROWS[i].length);
	sealed_close(sealed);
	sealed_hot_free(hot);
	image_done(&image);
}

/* ---- changed on the medium ---------------------------------------------------------------------- */

#define CHUNK_OF(group, i) ((group)*SEALED_GROUP_CHUNKS + (i))

static void swap_bytes(const struct image *image, const char *name, uint64_t a, uint64_t b,
		       size_t length)
{
	uint8_t *first = malloc(length), *second = malloc(length);

	file_get(image, name, a, first, length);
	file_get(image, name, b, second, length);
	file_put(image, name, a, second, length);
	file_put(image, name, b, first, length);
	free(first);
	free(second);
}

/* Reads of @bad chunk fail with its number; @good reads. A second time too: a failure is not remembered as content. */
static void is_noticed(const struct image *image, uint64_t bad, uint64_t good)
{
	struct sealed_hot *hot = hot_make(SMALL);
	struct sealed *sealed = open_ok(image, hot);
	char words[96];

	snprintf(words, sizeof(words), "chunk %llu of the image does not verify (restore",
		 (unsigned long long)bad);
	for (size_t twice = 0; twice < 2; twice++) {
		read_fails(sealed, bad * SEALED_CHUNK + 100, 10, BL_TAMPERED, words);
		read_fails(sealed, bad * SEALED_CHUNK, SEALED_CHUNK, BL_TAMPERED, words);
		read_ok(image, sealed, good * SEALED_CHUNK, SEALED_CHUNK);
	}
	read_fails(sealed, bad / SEALED_GROUP_CHUNKS * SEALED_GROUP, SEALED_GROUP, BL_TAMPERED,
		   "does not verify");
	sealed_close(sealed);
	sealed_hot_free(hot);
}

static void a_changed_chunk_or_index_is_noticed(void **state BL_UNUSED)
{
	static const struct {
		const char *name;
		uint64_t at;
		uint64_t bad, good;
	} ROWS[] = {
		{"data", 0, CHUNK_OF(0, 0), CHUNK_OF(0, 1)},
		{"data", 3 * SEALED_CHUNK - 1, CHUNK_OF(0, 2), CHUNK_OF(0, 3)},
		{"data", 64 * (uint64_t)SEALED_GROUP + 7 * SEALED_CHUNK + 77, CHUNK_OF(64, 7),
		 CHUNK_OF(64, 8)},
		/* generation, tag, what must be zero; then the whole group is not to be trusted */
		{"index", 0, CHUNK_OF(0, 0), CHUNK_OF(1, 0)},
		{"index", 8, CHUNK_OF(0, 0), CHUNK_OF(1, 0)},
		{"index", 24, CHUNK_OF(0, 0), CHUNK_OF(1, 0)},
		{"index", 32 + 9, CHUNK_OF(0, 0), CHUNK_OF(1, 0)},
		{"index", ZERO_CHUNK * 32, CHUNK_OF(0, ZERO_CHUNK), CHUNK_OF(1, 0)},
		{"index", 63 * 512 + 15 * 32 + 31, CHUNK_OF(63, 15), CHUNK_OF(64, 0)},
	};
	struct image image;

	image_make(&image, sealed_algorithm_here(), NULL, 0);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		flip(&image, ROWS[i].name, ROWS[i].at);
		is_noticed(&image, ROWS[i].bad, ROWS[i].good);
		flip(&image, ROWS[i].name, ROWS[i].at);
	}
	image_done(&image);
}

static void chunks_and_index_entries_cannot_change_places(void **state BL_UNUSED)
{
	static const struct {
		uint64_t a, b; /* chunks */
		bool with_index;
	} ROWS[] = {
		{CHUNK_OF(0, 0), CHUNK_OF(0, 1), false},
		{CHUNK_OF(0, 0), CHUNK_OF(0, 1), true},
		{CHUNK_OF(0, 3), CHUNK_OF(64, 3), false},
		{CHUNK_OF(0, 3), CHUNK_OF(64, 3), true},
	};
	struct image image;

	image_make(&image, sealed_algorithm_here(), NULL, 0);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		for (size_t back = 0; back < 2; back++) {
			swap_bytes(&image, "data", ROWS[i].a * SEALED_CHUNK,
				   ROWS[i].b * SEALED_CHUNK, SEALED_CHUNK);
			if (ROWS[i].with_index)
				swap_bytes(&image, "index", ROWS[i].a * SEALED_INDEX_ENTRY,
					   ROWS[i].b * SEALED_INDEX_ENTRY, SEALED_INDEX_ENTRY);
			if (back)
				continue;
			is_noticed(&image, ROWS[i].a, CHUNK_OF(63, 0));
			is_noticed(&image, ROWS[i].b, CHUNK_OF(63, 0));
		}

	/* Groups with all that is theirs but the keys. */
	swap_bytes(&image, "data", 0, SEALED_GROUP, SEALED_GROUP);
	swap_bytes(&image, "index", 0, SEALED_GROUP_INDEX, SEALED_GROUP_INDEX);
	is_noticed(&image, 0, CHUNK_OF(63, 0));
	image_done(&image);
}

/* Where the leaf and the top of this image lie. */
static uint64_t node_place(const struct image *image, unsigned level, uint64_t index)
{
	struct sealed_header header;
	uint8_t top[SEALED_PAGE];
	struct tree_entry entry;
	unsigned slot = 0;

	header_get(image, &header, &slot);
	assert_int_equal(header.levels, 2);

	uint64_t place = tree_place(2, 1, 0, header.top_side);

	if (level == 1)
		return place;
	file_get(image, "keys", place, top, sizeof(top));
	assert_true(tree_entry_decode(top + index * SEALED_ENTRY, &entry));
	assert_true(entry.generation != 0);
	return tree_place(2, 0, index, entry.side);
}

static void a_changed_node_is_noticed(void **state BL_UNUSED)
{
	static const size_t AT[] = {0, 8, 40, 56, 57, 63, 64 * 5, 4095};
	struct image image;

	image_make(&image, sealed_algorithm_here(), NULL, 0);
	for (size_t i = 0; i < BL_COUNT(AT); i++) {
		uint64_t place = node_place(&image, 0, 1);

		flip(&image, "keys", place + AT[i]);
		is_noticed(&image, CHUNK_OF(64, 0), CHUNK_OF(0, 0));
		is_noticed(&image, CHUNK_OF(70, 15), CHUNK_OF(130, 0));
		flip(&image, "keys", place + AT[i]);
	}

	/* Leaves that change places, and one that is zeroed: zeros would stand for zeros. */
	uint64_t first = node_place(&image, 0, 0), second = node_place(&image, 0, 1);
	uint8_t zeros[SEALED_PAGE] = {0};

	swap_bytes(&image, "keys", first, second, SEALED_PAGE);
	is_noticed(&image, CHUNK_OF(0, 0), CHUNK_OF(130, 0));
	is_noticed(&image, CHUNK_OF(20, 0), CHUNK_OF(130, 0)); /* of a group of zeros */
	swap_bytes(&image, "keys", first, second, SEALED_PAGE);
	file_put(&image, "keys", second, zeros, sizeof(zeros));
	is_noticed(&image, CHUNK_OF(64, 0), CHUNK_OF(0, 0));
	image_done(&image);
}

static void open_fails(const struct image *image, const uint8_t *root, const char *id,
		       uint64_t bytes, enum bl_status expected, const char *what)
{
	struct sealed_hot *hot = hot_make(SMALL);
	struct sealed *sealed = NULL;
	struct bl_error why = {""};
	enum bl_status status = sealed_open(image->device_fd, id, root, bytes, hot, &sealed, &why);

	if (status != expected || why.text[0] == '\0')
		fail_msg("%s: %s: %s", what, bl_status_name(status), why.text);
	sealed_hot_free(hot);
}

static void a_changed_top_header_or_gaps_is_not_opened(void **state BL_UNUSED)
{
	/* One of each field of a header slot, its MAC, its checksum: whatever makes the slot torn leaves the other one */
	static const size_t FIELDS[] = {0,   8,	  12,  16,  32,	 64,  72,  80,	88,  96,
					100, 104, 108, 112, 120, 152, 168, 200, 232, 4032};
	struct image image;
	uint8_t other[VAULT_KEY];

	image_make(&image, sealed_algorithm_here(), GAPS, BL_COUNT(GAPS));
	randombytes_buf(other, sizeof(other));
	open_fails(&image, other, ID, IMAGE_BYTES, BL_TAMPERED, "another root");
	open_fails(&image, image.root, "usb-b", IMAGE_BYTES, BL_TAMPERED, "another device");
	open_fails(&image, image.root, ID, IMAGE_BYTES + 1, BL_TAMPERED, "another length");

	for (size_t i = 0; i < 4096; i += 511) {
		uint64_t place = node_place(&image, 1, 0) + i;

		flip(&image, "keys", place);
		open_fails(&image, image.root, ID, IMAGE_BYTES, BL_TAMPERED, "top");
		flip(&image, "keys", place);
	}
	for (uint64_t i = 0; i < file_size(&image, "gaps"); i++) {
		flip(&image, "gaps", i);
		open_fails(&image, image.root, ID, IMAGE_BYTES, BL_TAMPERED, "gaps");
		flip(&image, "gaps", i);
	}

	struct sealed_header header;
	uint8_t page[SEALED_PAGE], changed[SEALED_PAGE];
	unsigned slot = 0;

	header_get(&image, &header, &slot);
	file_get(&image, "header", slot * (uint64_t)SEALED_PAGE, page, sizeof(page));
	for (size_t i = 0; i < BL_COUNT(FIELDS); i++) {
		struct sealed_hot *hot = hot_make(SMALL);
		struct sealed *sealed = NULL;
		struct bl_error why = {""};

		memcpy(changed, page, sizeof(page));
		changed[FIELDS[i]] ^= 2;
		sealed_hash(changed, 4064, changed + 4064);
		file_put(&image, "header", slot * (uint64_t)SEALED_PAGE, changed, sizeof(changed));

		enum bl_status status = image_open(&image, hot, &sealed, &why);

		/* A strange magic is a torn slot: then the other one counts, which says the same. */
		if (FIELDS[i] == 0 ? status != BL_OK
				   : status != BL_TAMPERED && status != BL_UNSUPPORTED)
			fail_msg("field at %zu: %s: %s", FIELDS[i], bl_status_name(status),
				 why.text);
		sealed_close(sealed);
		sealed_hot_free(hot);
	}
	file_put(&image, "header", slot * (uint64_t)SEALED_PAGE, page, sizeof(page));
	image_done(&image);
}

static void another_devices_files_do_not_fit(void **state BL_UNUSED)
{
	static const char *const NAMES[] = {"data", "index", "keys", "header", "gaps"};
	struct image mine, other;

	image_make(&mine, sealed_algorithm_here(), GAPS, BL_COUNT(GAPS));
	image_make(&other, sealed_algorithm_here(), GAPS, BL_COUNT(GAPS));
	memcpy(other.root, mine.root, sizeof(mine.root)); /* even then */
	for (size_t i = 0; i < BL_COUNT(NAMES); i++) {
		struct sealed_hot *hot = hot_make(SMALL);
		struct sealed *sealed = NULL;
		uint8_t byte;

		run("cp -p %s/image/%s %s/kept && cp -p %s/image/%s %s/image/", mine.path, NAMES[i],
		    mine.path, other.path, NAMES[i], mine.path);

		enum bl_status status = image_open(&mine, hot, &sealed, NULL);

		if (status == BL_OK)
			status = sealed_read(sealed, 0, &byte, 1, NULL);
		if (status != BL_TAMPERED)
			fail_msg("%s: %s", NAMES[i], bl_status_name(status));
		sealed_close(sealed);
		sealed_hot_free(hot);
		run("cp -p %s/kept %s/image/%s", mine.path, mine.path, NAMES[i]);
	}
	opens(&mine);
	image_done(&mine);
	image_done(&other);
}

/* ---- files that are missing, short, long or something else --------------------------------------- */

static void files_must_be_files_of_their_size(void **state BL_UNUSED)
{
	static const char *const NAMES[] = {"header", "data", "index", "keys", "gaps"};
	static const struct {
		const char *label, *command; /* $n: its name */
	} ROWS[] = {
		{"missing", "mv $n ../kept"},
		{"link", "mv $n ../kept && ln -s ../kept $n"},
		{"folder", "mv $n ../kept && mkdir $n"},
		{"fifo", "mv $n ../kept && mkfifo -m 600 $n"},
		{"for others", "cp -p $n ../kept && chmod 644 $n"},
		{"longer", "cp -p --sparse=always $n ../kept && truncate -s 1T $n"},
		{"empty", "cp -p --sparse=always $n ../kept && truncate -s 0 $n"},
	};
	struct image image;

	image_make(&image, sealed_algorithm_here(), GAPS, BL_COUNT(GAPS));
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		for (size_t n = 0; n < BL_COUNT(NAMES); n++) {
			struct sealed_hot *hot = hot_make(SMALL);
			struct sealed *sealed = NULL;
			uint8_t byte;

			run("cd %s/image && n=%s && %s", image.path, NAMES[n], ROWS[i].command);

			enum bl_status status = image_open(&image, hot, &sealed, NULL);

			/* What is cut off reads as zeros, and zeros do not verify. */
			if (status == BL_OK)
				status = sealed_read(sealed, 0, &byte, 1, NULL);
			if (status != BL_TAMPERED)
				fail_msg("%s %s: %s", ROWS[i].label, NAMES[n],
					 bl_status_name(status));
			sealed_close(sealed);
			sealed_hot_free(hot);
			run("cd %s && rm -rf image/%s && mv kept image/%s", image.path, NAMES[n],
			    NAMES[n]);
		}
	opens(&image);
	image_done(&image);
}

static void a_foreign_file_beside_them_makes_nothing_fail(void **state BL_UNUSED)
{
	struct image image;
	struct sealed_hot *hot = hot_make(SMALL);

	image_make(&image, sealed_algorithm_here(), NULL, 0);
	run("echo x > %s/image/notes.txt", image.path);

	struct sealed *sealed = open_ok(&image, hot);

	read_ok(&image, sealed, 0, 4096);
	sealed_close(sealed);
	sealed_hot_free(hot);
	run("rm -r %s/image", image.path);
	open_fails(&image, image.root, ID, IMAGE_BYTES, BL_NOT_FOUND, "no folder");
	image_done(&image);
}

/* What was verified stays so: an index that changes under an open image is not looked at again. */
static void an_index_that_changes_later_is_not_believed(void **state BL_UNUSED)
{
	struct image image;
	struct sealed_hot *hot = hot_make(SMALL);

	image_make(&image, sealed_algorithm_here(), NULL, 0);

	struct sealed *sealed = open_ok(&image, hot);

	read_ok(&image, sealed, 0, 10);
	flip(&image, "index", 0);
	flip(&image, "index", 3 * SEALED_INDEX_ENTRY + 8);
	read_ok(&image, sealed, 3 * SEALED_CHUNK, 10);
	flip(&image, "data", 4 * SEALED_CHUNK);
	read_fails(sealed, 4 * SEALED_CHUNK, 10, BL_TAMPERED, "chunk 4 of the image");
	sealed_close(sealed);
	sealed_hot_free(hot);
	image_done(&image);
}

/* ---- memory -------------------------------------------------------------------------------------- */

/* How often the pattern (kept inverted, so that this table is no find) lies in what this process can write. */
static size_t count_in_memory(const uint8_t inverted[PATTERN])
{
	FILE *maps = fopen("/proc/self/maps", "re");
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	static uint8_t room[1 << 20];
	size_t found = 0;
	char line[512];

	assert_non_null(maps);
	assert_true(fd >= 0);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long long from, to;
		char mode[5];

		if (sscanf(line, "%llx-%llx %4s", &from, &to, mode) != 3 || mode[1] != 'w')
			continue;
		for (unsigned long long at = from; at < to; at += sizeof(room) - PATTERN) {
			ssize_t got = pread(fd, room, BL_MIN(sizeof(room), to - at), (off_t)at);

			for (ssize_t i = 0; i + PATTERN <= got; i++) {
				size_t same = 0;

				while (same < PATTERN &&
				       (room[i + (ssize_t)same] ^ inverted[same]) == 0xff)
					same++;
				/* room itself is in memory: looked at after it was filled with another stretch */
				found += same == PATTERN &&
					 !(at + (unsigned long long)i >= (uintptr_t)room &&
					   at + (unsigned long long)i <
						   (uintptr_t)room + sizeof(room));
			}
		}
		memset(room, 0, sizeof(room));
	}
	fclose(maps);
	close(fd);
	return found;
}

static void after_close_no_plaintext_is_left_in_memory(void **state BL_UNUSED)
{
	struct image image;
	struct sealed_hot *hot;
	uint8_t inverted[PATTERN], *out;

	SKIP_UNDER_ASAN();
	hot = hot_make(SMALL);
	out = malloc(SEALED_CHUNK);
	image_make(&image, sealed_algorithm_here(), NULL, 0);
	for (size_t i = 0; i < PATTERN; i++)
		inverted[i] = (uint8_t)~image.plain[0][1000 + i];
	/* Only the image has it now. */
	memset(image.plain[0], 0, SEALED_GROUP);

	struct sealed *sealed = open_ok(&image, hot);

	assert_int_equal(sealed_read(sealed, 0, out, SEALED_CHUNK, NULL), BL_OK);
	sodium_memzero(out, SEALED_CHUNK);
	assert_true(count_in_memory(inverted) >= 1); /* it is hot: the search can find it */
	sealed_close(sealed);
	assert_int_equal(count_in_memory(inverted), 0);
	sealed_hot_free(hot);
	free(out);
	image_done(&image);
}

static void a_large_read_goes_past_the_hot_chunks(void **state BL_UNUSED)
{
	struct image image;
	struct sealed_hot *hot;
	uint8_t inverted[PATTERN];

	SKIP_UNDER_ASAN();
	hot = hot_make(SMALL);
	image_make(&image, sealed_algorithm_here(), NULL, 0);
	for (size_t i = 0; i < PATTERN; i++)
		inverted[i] = (uint8_t)~image.plain[0][1000 + i];

	struct sealed *sealed = open_ok(&image, hot);
	uint8_t *out = malloc(SEALED_GROUP);

	assert_int_equal(sealed_read(sealed, 0, out, SEALED_GROUP, NULL), BL_OK);
	assert_memory_equal(out, image.plain[0], SEALED_GROUP);
	sodium_memzero(out, SEALED_GROUP);
	memset(image.plain[0], 0, SEALED_GROUP);
	assert_int_equal(count_in_memory(inverted), 0);
	free(out);
	sealed_close(sealed);
	sealed_hot_free(hot);
	image_done(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_reads_as_it_was_sealed),
		cmocka_unit_test(a_million_reads_of_four_threads_are_right),
		cmocka_unit_test(what_is_not_there_is_an_error_and_its_neighbours_are_not),
		cmocka_unit_test(a_changed_chunk_or_index_is_noticed),
		cmocka_unit_test(chunks_and_index_entries_cannot_change_places),
		cmocka_unit_test(a_changed_node_is_noticed),
		cmocka_unit_test(a_changed_top_header_or_gaps_is_not_opened),
		cmocka_unit_test(another_devices_files_do_not_fit),
		cmocka_unit_test(files_must_be_files_of_their_size),
		cmocka_unit_test(a_foreign_file_beside_them_makes_nothing_fail),
		cmocka_unit_test(an_index_that_changes_later_is_not_believed),
		cmocka_unit_test(after_close_no_plaintext_is_left_in_memory),
		cmocka_unit_test(a_large_read_goes_past_the_hot_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
