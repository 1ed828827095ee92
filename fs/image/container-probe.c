/* container-probe.c - which container a file is, by fixed bytes at fixed places; all else is its sealed program's work */
#include "fs/image/container-parts.h"

#include <string.h>

#define VHD_COOKIE   "conectix"
#define VHD_CHECKSUM 64
#define VHD_TYPE     60
#define VHD_DIFFERS  4

/* @what: known, but refused, by this name. */
struct magic {
	enum container_kind kind;
	const char *what;
	bool is_at_end; /* of the last 512 bytes */
	uint32_t at, length;
	const char *bytes;
};

static const struct magic MAGICS[] = {
	{CONTAINER_EWF, NULL, false, 0, 8, "EVF\x09\x0d\x0a\xff\x00"},
	{CONTAINER_EWF, NULL, false, 0, 8, "EVF2\x0d\x0a\x81\x00"},
	{CONTAINER_VMDK, NULL, false, 0, 4, "KDMV"},
	{CONTAINER_VMDK, NULL, false, 0, 21, "# Disk DescriptorFile"},
	{CONTAINER_VHD, NULL, false, 0, 8, "vhdxfile"},
	{CONTAINER_QCOW, NULL, false, 0, 4, "QFI\xfb"},
	{CONTAINER_NONE, "logical evidence (L01)", false, 0, 8, "LVF\x09\x0d\x0a\xff\x00"},
	{CONTAINER_NONE, "logical evidence (Lx01)", false, 0, 8, "LEF2\x0d\x0a\x81\x00"},
	{CONTAINER_NONE, "a sparse disk of ESX (COWD)", false, 0, 4, "COWD"},
	{CONTAINER_NONE, "a VirtualBox disk (VDI)", false, 64, 4, "\x7f\x10\xda\xbe"},
	{CONTAINER_NONE, "a QED disk", false, 0, 4, "QED\x00"},
	{CONTAINER_NONE, "an AFF image", false, 0, 5, "AFF10"},
	{CONTAINER_NONE, "a Parallels disk", false, 0, 16, "WithoutFreeSpace"},
	{CONTAINER_NONE, "an Apple disk image (DMG)", true, 0, 4, "koly"},
};

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Complement of the sum of all bytes but its own ("Virtual Hard Disk Image Format Specification"). */
static bool is_vhd_footer(const uint8_t *footer)
{
	uint32_t sum = 0;

	if (memcmp(footer, VHD_COOKIE, 8) != 0)
		return false;
	for (uint32_t i = 0; i < CONTAINER_HEAD; i++)
		if (i < VHD_CHECKSUM || i >= VHD_CHECKSUM + 4)
			sum += footer[i];
	return ~sum == get32(footer + VHD_CHECKSUM);
}

static const struct magic *find(const struct container_head *head)
{
	for (size_t i = 0; i < BL_COUNT(MAGICS); i++) {
		const struct magic *magic = &MAGICS[i];
		const uint8_t *bytes = magic->is_at_end ? head->last : head->first;

		if (memcmp(bytes + magic->at, magic->bytes, magic->length) == 0)
			return magic;
	}
	return NULL;
}

static enum bl_status builds_on(const struct container_place *place, struct bl_error *why)
{
	return bl_fail(why, BL_UNSUPPORTED,
		       "'%s' builds on another image, its parent (join them where both are: "
		       "'qemu-img convert -O raw')",
		       place->path);
}

static enum bl_status check_qcow(const struct container_place *place, const uint8_t *first,
				 struct bl_error *why)
{
	if (get32(first + 8) || get32(first + 12))
		return builds_on(place, why);
	if (get32(first + 4) < 2)
		return BL_OK;
	if (get32(first + 32))
		return bl_fail(why, BL_UNSUPPORTED,
			       "'%s' is encrypted (decrypt it first: 'qemu-img convert')",
			       place->path);
	if (get32(first + 60))
		return bl_fail(
			why, BL_UNSUPPORTED,
			"'%s' holds snapshots beside its present state (take out the one "
			"that is meant: 'qemu-img convert -O raw', with '-l' for a snapshot)",
			place->path);
	return BL_OK;
}

static bool is_vhd(const struct container_head *head)
{
	return is_vhd_footer(head->last) || is_vhd_footer(head->first);
}

static bool is_differencing(const struct container_head *head)
{
	const uint8_t *footer = is_vhd_footer(head->last) ? head->last : head->first;

	return get32(footer + VHD_TYPE) == VHD_DIFFERS;
}

enum bl_status container_probe(const struct container_place *place,
			       const struct container_head *head, enum container_kind *out_kind,
			       struct bl_error *why)
{
	const struct magic *magic = head->is_device ? NULL : find(head);

	if (magic && magic->what)
		return bl_fail(why, BL_UNSUPPORTED,
			       "'%s' is %s, which is not read (make it raw first, for instance by "
			       "'qemu-img convert -O raw')",
			       place->path, magic->what);
	*out_kind = magic ? magic->kind : CONTAINER_NONE;
	if (*out_kind == CONTAINER_QCOW)
		return check_qcow(place, head->first, why);
	if (magic || head->is_device || !is_vhd(head))
		return BL_OK;
	*out_kind = CONTAINER_VHD;
	return is_differencing(head) ? builds_on(place, why) : BL_OK;
}
