/* What is not read is refused in words that say what it is, and nothing stays open. */
#include "container-stage.h"

#include <dirent.h>

#define QEMU "qemu-img convert -f raw "

/* Where it is refused does not matter: at opening or by its program. */
struct refusal {
	const char *name, *tool, *make, *open;
	enum bl_status status;
	const char *words;
};

static const struct refusal REFUSALS[] = {
	{"no such file", NULL, "true", "none", BL_INVALID, "cannot open"},
	{"a folder", NULL, "mkdir -p folder", "folder", BL_INVALID, "is no image"},
	{"a pipe", NULL, "mkfifo pipe", "pipe", BL_INVALID, "is no image"},
	{"qcow2 with backing file", "qemu-img", "qemu-img create -f qcow2 -b raw.dd -F raw back.q",
	 "back.q", BL_UNSUPPORTED, "its parent"},
	{"qcow2, encrypted", "qemu-img",
	 "qemu-img create --object secret,id=s,data=synthetic -f qcow2 "
	 "-o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 luks.q 1M",
	 "luks.q", BL_UNSUPPORTED, "encrypted"},
	{"qcow2 with snapshots", "qemu-img",
	 QEMU "-O qcow2 raw.dd snap.q && qemu-img snapshot -c s snap.q", "snap.q", BL_UNSUPPORTED,
	 "snapshots"},
	{"qcow2 by zstd", "qemu-img", QEMU "-c -O qcow2 -o compression_type=zstd raw.dd zstd.q",
	 "zstd.q", BL_INVALID, "a feature that is not read"},
	{"qcow2 with extended clusters", "qemu-img",
	 QEMU "-O qcow2 -o extended_l2=on,cluster_size=128k raw.dd xl2.q", "xl2.q", BL_INVALID,
	 "a feature that is not read"},
	{"qcow2 with data elsewhere", "qemu-img", QEMU "-O qcow2 -o data_file=d.raw raw.dd ext.q",
	 "ext.q", BL_INVALID, "a feature that is not read"},
	{"VMDK with parent", "qemu-img",
	 QEMU "-O vmdk raw.dd low.vmdk && qemu-img create -f vmdk -b low.vmdk -F vmdk high.vmdk",
	 "high.vmdk", BL_UNSUPPORTED, "its parent"},
	{"VMDK with zeroed grains", "qemu-img", QEMU "-O vmdk -o zeroed_grain=on raw.dd zg.vmdk",
	 "zg.vmdk", BL_INVALID, "a feature that is not read"},
	{"VMDK without its extent", "qemu-img",
	 QEMU "-O vmdk -o subformat=monolithicFlat raw.dd no.vmdk && rm no-flat.vmdk", "no.vmdk",
	 BL_INVALID, "extent of"},
	{"VMDK extent alone", "qemu-img",
	 QEMU "-O vmdk -o subformat=twoGbMaxExtentSparse raw.dd alone.vmdk", "alone-s001.vmdk",
	 BL_INVALID, "may be an extent"},
	{"VMDK that names a file elsewhere", NULL,
	 "printf '# Disk DescriptorFile\\nRW 16 FLAT \"../x.vmdk\" 0\\n' >up.vmdk", "up.vmdk",
	 BL_INVALID, "in its own folder"},
	{"VMDK that names a file by its path", NULL,
	 "printf '# Disk DescriptorFile\\nRW 16 FLAT \"/etc/x.vmdk\" 0\\n' >abs.vmdk", "abs.vmdk",
	 BL_INVALID, "in its own folder"},
	{"VMDK that names any other file", NULL,
	 "printf '# Disk DescriptorFile\\nRW 16 FLAT \"raw.dd\" 0\\n' >any.vmdk", "any.vmdk",
	 BL_INVALID, "in its own folder"},
	{"VMDK without extents", NULL, "printf '# Disk DescriptorFile\\nversion=1\\n' >nil.vmdk",
	 "nil.vmdk", BL_INVALID, "names no extents"},
	{"VMDK of a raw device", NULL,
	 "printf '# Disk DescriptorFile\\nRW 16 VMFSRDM \"x.vmdk\"\\n' >rdm.vmdk", "rdm.vmdk",
	 BL_UNSUPPORTED, "of a kind that is not read"},
	{"VMDK of 201 extents", NULL,
	 "printf x >m.vmdk; { echo '# Disk DescriptorFile'; "
	 "for i in $(seq 201); do echo 'RW 1 FLAT \"m.vmdk\" 0'; done; } >many.vmdk",
	 "many.vmdk", BL_TOO_LARGE, "more than 200"},
	{"VMDK too long to be text", NULL,
	 "{ printf '# Disk DescriptorFile\\n'; head -c 70000 /dev/zero; } >long.vmdk", "long.vmdk",
	 BL_INVALID, "no descriptor"},
	{"VDI", "qemu-img", QEMU "-O vdi raw.dd v.vdi", "v.vdi", BL_UNSUPPORTED, "VirtualBox"},
	{"QED", "qemu-img", QEMU "-O qed raw.dd v.qed", "v.qed", BL_UNSUPPORTED, "QED"},
	{"L01", NULL, "printf 'LVF\\011\\015\\012\\377\\000' >l.L01", "l.L01", BL_UNSUPPORTED,
	 "logical evidence"},
	{"second segment of E01", "ewfacquire",
	 "ewfacquire -u -c none -f encase6 -S 1228800 -t a raw.dd", "a.E02", BL_INVALID,
	 "not the first segment"},
	{"E01 without its second segment", "ewfacquire",
	 "ewfacquire -u -c none -f encase6 -S 1228800 -t b raw.dd && rm b.E02", "b.E01", BL_INVALID,
	 "'b.E02' is missing"},
	{"E01 without its last segment", "ewfacquire",
	 "ewfacquire -u -c none -f encase6 -S 1228800 -t c raw.dd && rm c.E03", "c.E01", BL_INVALID,
	 "no last segment"},
	{"E01 of another image in between", "ewfacquire",
	 "ewfacquire -u -c none -f encase6 -S 1228800 -t d raw.dd && cp d.E01 d.E02", "d.E01",
	 BL_INVALID, "is damaged"},
	{"E01 of a few bytes", NULL,
	 "printf 'EVF\\011\\015\\012\\377\\000\\001\\001\\000\\000\\000' >f.E01", "f.E01",
	 BL_INVALID, "cut short"},
	{"E01 of over 200 segments", NULL,
	 "printf 'EVF\\011\\015\\012\\377\\000\\001\\001\\000\\000\\000' >g.E01; "
	 "for i in $(seq -w 2 99); do : >g.E$i; done; for a in A B C D; do "
	 "for b in A B C D E F G H I J K L M N O P Q R S T U V W X Y Z; do : >g.E$a$b; done; done",
	 "g.E01", BL_TOO_LARGE, "more than 200"},
	{"piece missing", NULL, "for i in 1 2 4; do echo x >p.00$i; done", "p.001", BL_INVALID,
	 "'p.003' is missing"},
	{"piece cut", NULL, "echo xx >q.001; echo x >q.002; echo xx >q.003", "q.001", BL_INVALID,
	 "'q.002' is not as long"},
	{"over 200 pieces", NULL, "for i in $(seq 1 201); do echo x >r.$(printf %03d $i); done",
	 "r.001", BL_TOO_LARGE, "more than 200"},
	{"no bytes at all in pieces", NULL, ": >e.001; : >e.002", "e.001", BL_INVALID,
	 "says it holds no bytes"},
};

static size_t count_fds(void)
{
	size_t count = 0;
	DIR *folder = opendir("/proc/self/fd");

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static void assert_refused(const struct stage *stage, const struct refusal *row)
{
	struct bl_error why = {""};
	struct seen seen;
	size_t before = count_fds();
	enum bl_status status = stage_stream(stage, row->open, 0, RAW_BYTES, &seen, &why);

	if (status != row->status || !strstr(why.text, row->words))
		fail_msg("%s: %s, %s", row->name, bl_status_name(status), why.text);
	if (seen.total != 0)
		fail_msg("%s: gave a stream", row->name);
	if (count_fds() != before)
		fail_msg("%s: left something open", row->name);
	seen_done(&seen);
}

/* On a busy machine qemu-img cannot always measure how long a key takes to derive; then it makes no LUKS header, and says so. */
static void make(const struct stage *stage, const struct refusal *row)
{
	for (unsigned tries = 0; tries < 5; tries++)
		if (stage_run(stage, row->make) == 0)
			return;
	fail_msg("%s: cannot be made", row->name);
}

static void each_is_refused_in_its_words(void **state)
{
	const struct stage *stage = *state;

	for (size_t i = 0; i < BL_COUNT(REFUSALS); i++) {
		const struct refusal *row = &REFUSALS[i];

		if (row->tool && !stage_has(stage, row->tool)) {
			print_message("left out, no %s: %s\n", row->tool, row->name);
			continue;
		}
		make(stage, row);
		assert_refused(stage, row);
	}
}

static void put32_big(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void differencing_vhd_is_refused(void **state)
{
	const struct refusal row = {"differencing", "qemu-img",	    NULL,
				    "diff.vhd",	    BL_UNSUPPORTED, "its parent"};
	size_t length;
	uint32_t sum = 0;

	if (!stage_has(*state, "qemu-img"))
		skip();
	assert_int_equal(stage_run(*state, QEMU "-O vpc raw.dd diff.vhd"), 0);
	uint8_t *bytes = stage_read(*state, "diff.vhd", &length);
	uint8_t *footer = bytes + length - 512;
	put32_big(footer + 60, 4);
	put32_big(footer + 64, 0);
	for (size_t i = 0; i < 512; i++)
		sum += footer[i];
	put32_big(footer + 64, ~sum);
	stage_write(*state, "diff.vhd", bytes, length);
	free(bytes);
	assert_refused(*state, &row);
}

/* Castagnoli's, bit by bit: what [MS-VHDX] seals its headers with. */
static uint32_t crc32c(const uint8_t *bytes, size_t length)
{
	uint32_t crc = ~UINT32_C(0);

	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return ~crc;
}

static void vhdx_whose_log_is_open_is_refused(void **state)
{
	const struct refusal row = {"log",	"qemu-img", NULL,
				    "log.vhdx", BL_INVALID, "its log is open"};
	size_t length;

	if (!stage_has(*state, "qemu-img"))
		skip();
	assert_int_equal(stage_run(*state, QEMU "-O vhdx raw.dd log.vhdx"), 0);
	uint8_t *bytes = stage_read(*state, "log.vhdx", &length);
	for (size_t copy = 1; copy <= 2; copy++) {
		uint8_t *head = bytes + copy * 65536;

		head[48] = 1;
		bl_put32(head + 4, 0);
		bl_put32(head + 4, crc32c(head, 4096));
	}
	stage_write(*state, "log.vhdx", bytes, length);
	free(bytes);
	assert_refused(*state, &row);
}

/* A header can say any size. */
static void more_than_a_pebibyte_is_refused(void **state)
{
	const struct refusal row = {"size",  "qemu-img", NULL,
				    "big.q", BL_INVALID, "more than a pebibyte"};
	size_t length;

	if (!stage_has(*state, "qemu-img"))
		skip();
	assert_int_equal(stage_run(*state, "qemu-img create -f qcow2 big.q 1M"), 0);
	uint8_t *bytes = stage_read(*state, "big.q", &length);
	put32_big(bytes + 24, 0x00040000);
	put32_big(bytes + 28, 512);
	stage_write(*state, "big.q", bytes, length);
	free(bytes);
	assert_refused(*state, &row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_refused_in_its_words),
		cmocka_unit_test(differencing_vhd_is_refused),
		cmocka_unit_test(vhdx_whose_log_is_open_is_refused),
		cmocka_unit_test(more_than_a_pebibyte_is_refused),
	};

	return cmocka_run_group_tests(tests, stage_setup, stage_teardown);
}
