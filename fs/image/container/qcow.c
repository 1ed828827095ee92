/* qcow.c - QCOW 1 to 3 by libqcow, and what libqcow 20201213 does not know
 *
 * Of version 3 it knows neither "zero" clusters (it gives the bytes that lay there before) nor incompatible features; of a cluster
 * that reaches beyond the end of the file it gives what its buffer held. So header and cluster tables of versions 2 and 3 are
 * looked at here as well. Layout: QEMU, docs/interop/qcow2.txt; all integers big-endian.
 */
#include "fs/image/container/bfio.h"

#include <libqcow.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 104u
#define FEATURES_AT  72u
/* dirty, corrupt: both about counts that reading does not need */
#define FEATURES_READ UINT64_C(3)
#define OFFSET_MASK   UINT64_C(0x00fffffffffffe00)
#define COMPRESSED    (UINT64_C(1) << 62)
#define ALL_ZEROS     UINT64_C(1)

struct qcow {
	libqcow_file_t *file;
	uint32_t version;
	uint32_t cluster_bits;
	uint64_t l1_offset, l1_count;
	uint64_t l2_offset; /* of the table below; 0: none */
	uint8_t *l2;	    /* one cluster */
};

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

/* Version 1 has other tables and needs none of this. */
static enum container_exit look_at_header(const struct input_file *input, struct qcow *qcow)
{
	uint8_t head[HEADER_BYTES] = {0};

	/* Version 2 ends at FEATURES_AT. */
	if (!input_read(input, 0, head, 8))
		return EXIT_DAMAGED;
	qcow->version = get32(head + 4);
	if (qcow->version < 2)
		return EXIT_DONE;
	if (qcow->version > 3)
		return EXIT_NOT_READ;
	if (!input_read(input, 0, head, qcow->version == 3 ? HEADER_BYTES : FEATURES_AT))
		return EXIT_DAMAGED;
	if (get64(head + FEATURES_AT) & ~FEATURES_READ)
		return EXIT_NOT_READ;
	qcow->cluster_bits = get32(head + 20);
	qcow->l1_count = get32(head + 36);
	qcow->l1_offset = get64(head + 40);
	if (qcow->cluster_bits < 9 || qcow->cluster_bits > 21)
		return EXIT_DAMAGED;
	qcow->l2 = malloc((size_t)1 << qcow->cluster_bits);
	return qcow->l2 ? EXIT_DONE : EXIT_NO_MEMORY;
}

/* Fails like libqcow would: an entry outside the file makes its clusters unreadable. */
static bool load_l2(const struct input_file *input, struct qcow *qcow, uint64_t cluster,
		    bool *out_has_table)
{
	uint64_t index = cluster >> (qcow->cluster_bits - 3);
	uint8_t entry[8];

	if (index >= qcow->l1_count || __builtin_add_overflow(qcow->l1_offset, index * 8, &index) ||
	    !input_read(input, index, entry, sizeof(entry)))
		return false;
	uint64_t offset = get64(entry) & OFFSET_MASK;
	*out_has_table = offset != 0;
	if (offset == 0 || offset == qcow->l2_offset)
		return true;
	qcow->l2_offset = 0;
	if (!input_read(input, offset, qcow->l2, (size_t)1 << qcow->cluster_bits))
		return false;
	qcow->l2_offset = offset;
	return true;
}

enum cluster_kind { CLUSTER_STORED, CLUSTER_ZEROS, CLUSTER_LOST };

/* Bytes of the file that @entry needs to have, to be read up to byte @end of its cluster. */
static uint64_t needs(const struct qcow *qcow, uint64_t entry, uint64_t end)
{
	if (!(entry & COMPRESSED))
		return (entry & OFFSET_MASK) + end;
	uint32_t bits = 62 - (qcow->cluster_bits - 8);
	uint64_t offset = entry & ((UINT64_C(1) << bits) - 1);
	uint64_t more =
		(entry & (COMPRESSED - 1)) >> bits; /* sectors behind the one it begins in */

	/* The last one may be cut where the file ends, but has to begin in it. */
	return offset / SECTOR_BYTES * SECTOR_BYTES + more * SECTOR_BYTES + 1;
}

/* What @entry says of a cluster's first @end bytes. */
static enum cluster_kind kind_of(const struct input_file *file, const struct qcow *qcow,
				 uint64_t entry, uint64_t end)
{
	bool is_zero_flagged = qcow->version > 2 && (entry & ALL_ZEROS);

	if (!(entry & COMPRESSED) && (is_zero_flagged || !(entry & OFFSET_MASK)))
		return CLUSTER_ZEROS;
	return needs(qcow, entry, end) <= file->bytes ? CLUSTER_STORED : CLUSTER_LOST;
}

static enum cluster_kind look_up(const struct input_file *file, struct qcow *qcow, uint64_t cluster,
				 uint64_t end)
{
	bool has_table = false;

	if (!load_l2(file, qcow, cluster, &has_table))
		return CLUSTER_LOST;
	if (!has_table)
		return CLUSTER_ZEROS;
	uint64_t in_table = cluster & ((UINT64_C(1) << (qcow->cluster_bits - 3)) - 1);
	return kind_of(file, qcow, get64(qcow->l2 + in_table * 8), end);
}

static enum container_exit qcow_ready(libqcow_file_t *file, struct input *input)
{
	uint32_t method = 0;
	size_t name_bytes = 0;
	int snapshots = 0;

	if (libqcow_file_get_encryption_method(file, &method, NULL) < 0 ||
	    libqcow_file_get_media_size(file, &input->bytes, NULL) != 1)
		return EXIT_DAMAGED;
	if (method != LIBQCOW_ENCRYPTION_METHOD_NONE)
		return EXIT_ENCRYPTED;
	if (libqcow_file_get_utf8_backing_filename_size(file, &name_bytes, NULL) != 0)
		return EXIT_NEEDS_PARENT;
	if (libqcow_file_get_number_of_snapshots(file, &snapshots, NULL) != 1 || snapshots != 0)
		return EXIT_HAS_SNAPSHOTS;
	return EXIT_DONE;
}

static enum container_exit qcow_open(struct input *input)
{
	struct qcow *qcow = calloc(1, sizeof(*qcow));
	libbfio_handle_t *handle = bfio_handle(&input->files[0]);

	if (!qcow || !handle || libqcow_file_initialize(&qcow->file, NULL) != 1)
		return EXIT_NO_MEMORY;
	input->library = qcow;
	enum container_exit code = look_at_header(&input->files[0], qcow);
	if (code != EXIT_DONE)
		return code;
	if (input->count != 1 ||
	    libqcow_file_open_file_io_handle(qcow->file, handle, LIBQCOW_OPEN_READ, NULL) != 1)
		return EXIT_DAMAGED;
	return qcow_ready(qcow->file, input);
}

static void read_stored(const struct qcow *qcow, struct granule *granule, uint32_t at,
			uint32_t length)
{
	ssize_t got = libqcow_file_read_buffer_at_offset(qcow->file, granule->bytes + at, length,
							 (off64_t)(granule->offset + at), NULL);

	if (got != (ssize_t)length)
		granule_mark(granule, at, length);
}

/* One cluster, or what of it lies in the granule. */
static uint32_t read_piece(struct input *input, struct granule *granule, uint32_t at)
{
	struct qcow *qcow = input->library;
	uint64_t offset = granule->offset + at, size = UINT64_C(1) << qcow->cluster_bits;
	uint32_t length =
		(uint32_t)BL_MIN((uint64_t)granule->length - at, size - (offset & (size - 1)));

	switch (look_up(&input->files[0], qcow, offset >> qcow->cluster_bits,
			(offset & (size - 1)) + length)) {
	case CLUSTER_STORED:
		read_stored(qcow, granule, at, length);
		break;
	case CLUSTER_ZEROS:
		memset(granule->bytes + at, 0, length);
		break;
	case CLUSTER_LOST:
		granule_mark(granule, at, length);
		break;
	}
	return length;
}

static void qcow_read(struct input *input, struct granule *granule)
{
	const struct qcow *qcow = input->library;

	if (qcow->version < 2) {
		read_stored(qcow, granule, 0, granule->length);
		return;
	}
	for (uint32_t at = 0; at < granule->length;)
		at += read_piece(input, granule, at);
}

const struct backend BACKEND = {.open = qcow_open, .read = qcow_read};
