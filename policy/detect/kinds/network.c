/*
 * Addresses of networks: IPv4 (RFC 791), IPv6 (RFC 4291, 2.2; RFC 5952; zones of RFC 4007), MAC (IEEE 802: EUI-48 and EUI-64), and
 * user:password of programs (RFC 7617).
 *
 * A prefix length goes with its address, a port does not. What says nothing of anybody stays: 0.0.0.0/24, 127.0.0.1, ::, ::1, netmasks
 * and broadcasts. A version looks like an IPv4 address: the word before tells, and without one four numbers below 32 that
 * are not of 10/8 are taken for a version (one address in four thousand).
 */
#include "policy/detect/kinds/near.h"
#include "policy/detect/kinds/place.h"

#include <string.h>

#define IPV6_LIMIT 64 /* bytes, zone and prefix aside; the longest has 45 */
#define ZONE_LIMIT 32

static bool is_hex_at(const struct text *text, size_t at)
{
	return at < text->length &&
	       (text_is_digit(text->bytes[at]) || (uint8_t)((text->bytes[at] | 0x20) - 'a') < 6);
}

static bool is_at(const struct text *text, size_t at, uint8_t byte)
{
	return at < text->length && text->bytes[at] == byte;
}

static bool is_digit_at(const struct text *text, size_t at)
{
	return at < text->length && text_is_digit(text->bytes[at]);
}

static size_t hex_run(const struct text *text, size_t at, size_t most)
{
	size_t count = 0;

	while (count < most && is_hex_at(text, at + count))
		count++;
	return count;
}

/* ---- IPv4 --------------------------------------------------------------------------------------- */

/* Four numbers of 0 to 255 without zeros in front; @at when there are none. */
static size_t read_quad(const struct text *text, size_t at, uint8_t out[4])
{
	size_t end = at;

	for (unsigned i = 0; i < 4; i++) {
		unsigned value = 0, count = 0;

		if (i > 0 && !is_at(text, end++, '.'))
			return at;
		for (; count < 3 && is_digit_at(text, end); count++, end++)
			value = value * 10 + (unsigned)(text->bytes[end] - '0');
		if (count == 0 || value > 255 || (count > 1 && text->bytes[end - count] == '0'))
			return at;
		out[i] = (uint8_t)value;
	}
	return is_digit_at(text, end) ? at : end;
}

/* Behind a prefix length of at most @most, where there is one. */
static size_t prefix_end(const struct text *text, size_t at, unsigned most)
{
	unsigned value = 0;
	size_t end = at + 1;

	if (!is_at(text, at, '/'))
		return at;
	for (; end - at <= 3 && is_digit_at(text, end); end++)
		value = value * 10 + (unsigned)(text->bytes[end] - '0');
	return end > at + 1 && value <= most && text_ends_word(text, end) && !is_at(text, end, '/')
		       ? end
		       : at;
}

static bool says_nothing(const uint8_t quad[4])
{
	uint32_t value = (uint32_t)quad[0] << 24 | (uint32_t)quad[1] << 16 |
			 (uint32_t)quad[2] << 8 | quad[3];
	uint32_t host = ~value;

	if (value >> 8 == 0 || value == UINT32_C(0x7f000001))
		return true;
	/* A netmask: ones, then zeros. */
	return quad[0] == 255 && (host & (host + 1)) == 0;
}

static bool is_small(const uint8_t quad[4])
{
	return quad[0] != 10 && quad[0] < 32 && quad[1] < 32 && quad[2] < 32 && quad[3] < 32;
}

/* "pkg-1.2.3.4", "lib.so.1.2.3.4", "Chrome/1.2.3.4", "pkg==1.2.3.4", "1.2.3.4-1", "1.2.3.4+git" */
static bool is_joined(const struct text *text, size_t at, size_t end)
{
	static const char hosts[] =
		"|ip|addr|address|host|src|dst|source|destination|inside|outside|dmz|from|to|"
		"tcp|udp|inet|client|server|peer|remote|local|gateway|dns|in|";
	uint8_t before = at ? text->bytes[at - 1] : ' ', word = at >= 2 ? text->bytes[at - 2] : ' ';
	uint8_t behind = end < text->length ? text->bytes[end] : ' ';
	size_t digits = 0;

	if (before == '-' || before == '.' || before == '~')
		return !(text_is_digit(word) && before == '-') && word > ' ';
	if (before == '/' && text_is_alnum(word))
		return !near_word(text, at - 1, hosts);
	if (before == '=' && word != 0 && memchr("=<>~!", word, 5))
		return !near_word(text, at - 2, hosts);
	if (behind == '+' || behind == '~')
		return true;
	if (behind == '.')
		return is_digit_at(text, end + 1);
	if (behind != '-')
		return false;
	while (digits < 4 && is_digit_at(text, end + 1 + digits))
		digits++;
	return digits < 2 && end + 1 < text->length && text_is_alnum(text->bytes[end + 1]);
}

/* The word before, "is" and the like skipped, says that this is a version, a section or an object identifier. */
static bool is_version(const struct text *text, size_t at)
{
	static const char versions[] =
		"|version|versions|fileversion|productversion|assemblyversion|appversion|"
		"osversion|v|ver|vers|release|releases|rel|rev|revision|build|buildnumber|"
		"firmware|fw|sw|bios|driver|software|agent|oid|section|sect|sec|chapter|clause|"
		"paragraph|article|figure|table|appendix|rule|kapitel|abschnitt|ziffer|absatz|"
		"artikel|paket|package|pkg|patch|update|upgrade|upgraded|chrome|chromium|"
		"firefox|edge|safari|opera|java|jdk|kernel|uefi|app|wersja|versie|versione|"
		"versao|versión|sección|seccion|";
	static const char skipped[] = "|is|was|number|no|nr|nummer|ist|to|from|tag|numero|";

	for (unsigned i = 0; i < 3; i++) {
		if (near_word(text, at, versions))
			return true;
		if (!near_word(text, at, skipped))
			return false;
		/* Over the gap and the word. */
		while (at > 0 && !text_is_alnum(text->bytes[at - 1]))
			at--;
		while (at > 0 && text_is_alnum(text->bytes[at - 1]))
			at--;
	}
	return false;
}

/* What only addresses have around them. */
static bool has_sign(const struct text *text, size_t at, size_t end)
{
	static const char words[] =
		"|ip|ipv4|ips|addr|address|adresse|host|server|gateway|router|dns|inet|client|"
		"peer|remote|source|src|dst|destination|ping|ssh|telnet|nameserver|lease|dhcp|"
		"login|logged|direccion|indirizzo|endereco|adres|traceroute|";

	if (end > at && prefix_end(text, end, 32) > end)
		return true;
	if (is_at(text, end, ':') && is_digit_at(text, end + 1))
		return true;
	if (at > 0 && (text->bytes[at - 1] == '@' || text->bytes[at - 1] == '['))
		return true;
	if (at > 1 && text->bytes[at - 1] == '/' && text->bytes[at - 2] == '/')
		return true;
	return near_word(text, at, words);
}

/* Where the IPv4 address ends that begins at @at, its prefix length included; @at when there is none. */
static size_t ipv4_end(const struct text *text, size_t at, bool has_label)
{
	uint8_t quad[4];
	size_t end = read_quad(text, at, quad);

	if (end == at || says_nothing(quad) || !text_starts_word(text, at) ||
	    !text_ends_word(text, end) || is_joined(text, at, end) || is_version(text, at))
		return at;
	if (is_small(quad) && !has_label && !has_sign(text, at, end))
		return at;
	return prefix_end(text, end, 32);
}

void dotted_at(const struct text *text, size_t at, struct sink *sink)
{
	if (sink->classes & CLASS_BIT(CLASS_IP)) {
		size_t end = ipv4_end(text, at, false);

		if (end > at)
			sink_add(sink, at, end, CLASS_IP, true);
	}
	if (sink->classes & CLASS_BIT(CLASS_LOCATION))
		place_at(text, at, sink);
}

static size_t match_ipv4(const struct text *text, size_t at)
{
	return is_digit_at(text, at) ? ipv4_end(text, at, true) : at;
}

/* ---- IPv6 --------------------------------------------------------------------------------------- */

/* The 16-bit groups of an address being read. */
struct groups {
	unsigned count, compressed; /* how many, and how many "::" */
	unsigned longest, first;    /* digits */
	bool has_digit, has_quad;
};

/* Reads groups from @at on; where they end. */
static size_t read_groups(const struct text *text, size_t at, struct groups *out)
{
	size_t end = at, limit = BL_MIN(text->length, at + IPV6_LIMIT);

	*out = (struct groups){0};
	while (end < limit) {
		size_t length = hex_run(text, end, 5);
		uint8_t quad[4];
		size_t quad_end;

		if (length == 0 && is_at(text, end, ':') && is_at(text, end + 1, ':') &&
		    end == at) {
			out->compressed++;
			end += 2;
			continue;
		}
		if (length == 0 || length > 4)
			return length ? at : end;
		quad_end = read_quad(text, end, quad);
		if (quad_end > end && (out->count || out->compressed)) {
			out->has_quad = out->has_digit = true;
			out->count += 2;
			return quad_end;
		}
		for (size_t i = end; i < end + length; i++)
			out->has_digit |= text_is_digit(text->bytes[i]);
		if (out->count++ == 0 && !out->compressed)
			out->first = (unsigned)length;
		out->longest = BL_MAX(out->longest, (unsigned)length);
		end += length;
		if (!is_at(text, end, ':'))
			return end;
		if (is_at(text, end + 1, ':')) {
			out->compressed++;
			end += 2;
		} else if (is_hex_at(text, end + 1)) {
			end++;
		} else {
			return end; /* a colon of the sentence */
		}
	}
	return end;
}

static bool is_ipv6(const struct groups *groups)
{
	if (groups->compressed == 0)
		return groups->count == 8 && groups->longest >= 3;
	/* "a::b" is a name of C++ as well; "::1" is oneself. */
	return groups->compressed == 1 && groups->count <= 7 && groups->has_digit &&
	       (groups->count >= 3 || groups->first == 4 || groups->has_quad ||
		(groups->count == 2 && !groups->first));
}

static size_t zone_end(const struct text *text, size_t at)
{
	size_t end = at + 1;

	if (!is_at(text, at, '%'))
		return at;
	while (end < text->length && end - at < ZONE_LIMIT &&
	       (text_is_alnum(text->bytes[end]) || memchr("_.-", text->bytes[end], 3)))
		end++;
	while (end > at + 1 && !text_is_alnum(text->bytes[end - 1]))
		end--;
	return end > at + 1 ? end : at;
}

static size_t ipv6_end(const struct text *text, size_t at)
{
	struct groups groups;
	size_t end = read_groups(text, at, &groups);

	if (end == at || !is_ipv6(&groups) || !text_starts_word(text, at) ||
	    (at > 0 && text->bytes[at - 1] == ':' && is_at(text, at, ':')) ||
	    !text_ends_word(text, end) || (is_at(text, end, ':') && is_hex_at(text, end + 1)) ||
	    (is_at(text, end, '.') && is_digit_at(text, end + 1)))
		return at;
	end = zone_end(text, end);
	return prefix_end(text, end, 128);
}

/* ---- MAC ---------------------------------------------------------------------------------------- */

/* Is what begins at @at the end of something longer: is one more pair, and no label, in front? */
static bool is_tail(const struct text *text, size_t at, uint8_t separator)
{
	size_t from;

	if (at < 2 || text->bytes[at - 1] != separator || !is_hex_at(text, at - 2))
		return false;
	for (from = at - 1; from > 0 && at - from < 6 && is_hex_at(text, from - 1);)
		from--;
	return at - 1 - from <= 2 && text_starts_word(text, from);
}

/* Pairs of hexadecimal digits with @separator between, six or eight of them. */
static size_t mac_end(const struct text *text, size_t at, uint8_t separator)
{
	size_t end = at, pairs = 0;
	bool is_varied = false;

	for (;;) {
		if (hex_run(text, end, 3) != 2)
			return at;
		is_varied |= text_lower(text->bytes[end]) != text_lower(text->bytes[at]) ||
			     text->bytes[end] != text->bytes[end + 1];
		end += 2;
		if (++pairs > 8)
			return at;
		if (!is_at(text, end, separator) || !is_hex_at(text, end + 1))
			break;
		end++;
	}
	if ((pairs != 6 && pairs != 8) || !is_varied || !text_starts_word(text, at) ||
	    !text_ends_word(text, end))
		return at;
	return is_tail(text, at, separator) ? at : end;
}

/* Three groups of four with dots between. Digits alone are numbers of other things. */
static size_t mac_dots_end(const struct text *text, size_t at, bool has_label)
{
	size_t end = at + 14;
	bool has_letter = has_label, has_digit = false;

	for (size_t i = 0; i < 14; i++) {
		if (i % 5 == 4 ? !is_at(text, at + i, '.') : !is_hex_at(text, at + i))
			return at;
		has_letter |= text_is_letter(text->bytes[at + i]);
		has_digit |= text_is_digit(text->bytes[at + i]);
	}
	if (!has_letter || !has_digit || !text_starts_word(text, at) ||
	    !text_ends_word(text, end) || (is_at(text, end, '.') && is_hex_at(text, end + 1)) ||
	    (at > 1 && text->bytes[at - 1] == '.' && is_hex_at(text, at - 2)))
		return at;
	return end;
}

void pairs_at(const struct text *text, size_t at, struct sink *sink)
{
	size_t before = text->bytes[at] == '.' ? 4 : 2, end;

	if (at < before || !(sink->classes & CLASS_BIT(CLASS_MAC)))
		return;
	end = before == 4 ? mac_dots_end(text, at - 4, false) : mac_end(text, at - 2, '-');
	if (end > at)
		sink_add(sink, at - before, end, CLASS_MAC, true);
}

/* MAC first: eight pairs are EUI-64, though IPv6 might be written so. */
static bool add_colons(const struct text *text, size_t at, struct sink *sink)
{
	size_t end = mac_end(text, at, ':');

	if (end > at) {
		sink_add(sink, at, end, CLASS_MAC, true);
		return true;
	}
	end = ipv6_end(text, at);
	if (end > at)
		sink_add(sink, at, end, CLASS_IP, true);
	return end > at;
}

/* From the colon at @at on: five colons, as the shortest address has, or two in a row? Times have none of that. */
static bool has_colons(const struct text *text, size_t at)
{
	for (unsigned count = 1; count < 5; count++) {
		if (is_at(text, at + 1, ':'))
			return true;
		at += 1 + hex_run(text, at + 1, 4);
		if (!is_at(text, at, ':'))
			return false;
	}
	return true;
}

void colon_at(const struct text *text, size_t at, struct sink *sink)
{
	size_t start = at;

	if (!(sink->classes & (CLASS_BIT(CLASS_IP) | CLASS_BIT(CLASS_MAC))) ||
	    !has_colons(text, at))
		return;
	while (start > 0 && at - start < 5 && is_hex_at(text, start - 1))
		start--;
	/* Not the first colon of its address: that one was asked already. */
	if (start > 0 && text->bytes[start - 1] == ':' && at - start < 5)
		return;
	/* What stands before the first colon may be a label: "mac:00:11:..." */
	if (start < at || is_at(text, at + 1, ':'))
		if (add_colons(text, start, sink))
			return;
	add_colons(text, at + 1, sink);
}

static size_t match_mac(const struct text *text, size_t at)
{
	size_t length = hex_run(text, at, 17), end = at + length;

	if (is_at(text, at + 4, '.'))
		return mac_dots_end(text, at, true);
	/* Bare, or in halves as some makers print them: "001122-334455" */
	if (length == 6 && end < text->length && memchr("-: ", text->bytes[end], 3) &&
	    hex_run(text, end + 1, 7) == 6)
		end += 7;
	else if (length != 12 && length != 16)
		return at;
	return text_starts_word(text, at) && text_ends_word(text, end) ? end : at;
}

/* ---- user:password ------------------------------------------------------------------------------ */

/* Does @word stand before @at, blanks between? */
static bool is_behind(const struct text *text, size_t at, const char *word)
{
	size_t length = strlen(word), gap = at;

	while (gap > 0 && at - gap < 3 && memchr(" \"'=", text->bytes[gap - 1], 4))
		gap--;
	return gap >= length && memcmp(text->bytes + gap - length, word, length) == 0 &&
	       (gap == length || text->bytes[gap - length - 1] <= ' ');
}

/* curl -u user:password */
static size_t match_user(const struct text *text, size_t at)
{
	size_t end = at, limit = BL_MIN(text->length, at + 256), colon = 0;
	uint8_t quote = at ? text->bytes[at - 1] : ' ';

	if (!is_behind(text, at, "-u") && !is_behind(text, at, "--user") &&
	    !is_behind(text, at, "-U") && !is_behind(text, at, "--proxy-user"))
		return at;
	if (quote != '"' && quote != '\'')
		quote = ' ';
	while (end < limit && text->bytes[end] != quote && text->bytes[end] >= ' ' &&
	       text->bytes[end] != '"' && text->bytes[end] != '\'') {
		if (text->bytes[end] == ':' && end > at && !colon)
			colon = end;
		end++;
	}
	return colon && end > colon + 1 ? end : at;
}

/* "user:secret@tcp(host:3306)/base": data source names without a scheme, as Go's MySQL driver has them */
static size_t match_source(const struct text *text, size_t at)
{
	static const char *const nets[] = {"@tcp(", "@tcp6(", "@unix("};
	size_t limit = BL_MIN(text->length, at + 96), end = at, colon = at;

	if (!text_starts_word(text, at))
		return at;
	for (; end < limit && text->bytes[end] > ' ' && !memchr("\"'`=<>/", text->bytes[end], 7);
	     end++) {
		if (text->bytes[end] == ':' && colon == at)
			colon = end;
		for (size_t i = 0; text->bytes[end] == '@' && i < BL_COUNT(nets); i++)
			if (text->length - end >= strlen(nets[i]) && colon > at &&
			    memcmp(text->bytes + end, nets[i], strlen(nets[i])) == 0)
				return end;
	}
	return at;
}

/* ---- rows --------------------------------------------------------------------------------------- */

static const struct kind rows[] = {
	{.id = "ipv4",
	 .standard = "RFC 791, RFC 6943 3.1.1",
	 .class = CLASS_IP,
	 .trust = KIND_LABELLED,
	 .forms = "d{1,3}",
	 .match = match_ipv4,
	 .labels = "ip|ips|ipv4|ip address|ip addresses|ip addr|ipaddr|ipaddress|ip-adresse|ip "
		   "adresse|ip-adressen|adresse ip|adresses ip|dirección ip|direcciones ip|ip "
		   "dirección|indirizzo ip|endereço ip|ip-adres|adres ip|client ip|remote ip|"
		   "source ip|src ip|dst ip|srcip|dstip|clientip|remoteip|remote addr|remote "
		   "address|client address|x-forwarded-for|x-real-ip|host ip|server ip|public ip|"
		   "private ip|login ip|last login from|logged in from|connected from|connection "
		   "from|inet addr"},
	{.id = "mac-bare",
	 .standard = "IEEE 802-2014 8.2",
	 .class = CLASS_MAC,
	 .trust = KIND_LABELLED,
	 .match = match_mac,
	 .labels = "mac|macs|mac address|mac addresses|mac addr|macaddr|macaddress|mac-adresse|mac "
		   "adresse|mac-adressen|adresse mac|dirección mac|indirizzo mac|endereço "
		   "mac|mac-adres|adres mac|mac id|wifi mac|wi-fi mac|wlan mac|ethernet mac|lan "
		   "mac|bluetooth mac|bluetooth address|wi-fi address|wifi address|wlan "
		   "address|hwaddr|hw address|hardware address|hardware-adresse|physical "
		   "address|physische adresse|adresse physique|dirección física|ethernet "
		   "address|lladdr|bssid|ether|eui|eui-48|eui-64|eui48|eui64"},
	{.id = "user-password",
	 .standard = "RFC 7617 2",
	 .class = CLASS_URL_CREDENTIALS,
	 .trust = KIND_LABELLED,
	 .match = match_user,
	 .labels = "curl"},
	{.id = "data-source",
	 .standard = "go-sql-driver/mysql, data source names",
	 .class = CLASS_URL_CREDENTIALS,
	 .trust = KIND_LABELLED,
	 .match = match_source,
	 .labels = "dsn",
	 .after = "tcp|tcp6|unix"},
};
const struct kind_table kinds_network = {rows, BL_COUNT(rows)};
