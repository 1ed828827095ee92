/* Tests policy/detect/kinds/network.c: addresses of networks, and what looks like them */
#include "tests/unit/policy/detect/kinds/rows.h"

#define NETWORK (CLASS_BIT(CLASS_IP) | CLASS_BIT(CLASS_MAC) | CLASS_BIT(CLASS_URL_CREDENTIALS))

static void ipv4_addresses_are_found(void **state)
{
	static const struct row rows[] = {
		{"198.51.100.23", CLASS_IP, "198.51.100.23"},
		{"from 203.0.113.7.", CLASS_IP, "203.0.113.7"},
		{"203.0.113.7, 198.51.100.4", CLASS_IP, "198.51.100.4"},
		{"http://192.0.2.55:8080/x", CLASS_IP, "192.0.2.55"},
		{"192.0.2.55:443", CLASS_IP, "192.0.2.55"},
		{"route 192.168.17.0/24 via", CLASS_IP, "192.168.17.0/24"},
		{"10.1.2.3", CLASS_IP, "10.1.2.3"},
		{"range 192.168.1.10-192.168.1.99", CLASS_IP, "192.168.1.99"},
		{"range 192.168.1.10-192.168.1.99", CLASS_IP, "192.168.1.10"},
		{"root@172.16.254.1", CLASS_IP, "172.16.254.1"},
		{"\"ip\":\"198.51.100.200\"", CLASS_IP, "198.51.100.200"},
		{"<ip>198.51.100.200</ip>", CLASS_IP, "198.51.100.200"},
		{"(198.51.100.200)", CLASS_IP, "198.51.100.200"},
		{"[198.51.100.200]", CLASS_IP, "198.51.100.200"},
		{"src=198.51.100.200 dst=192.0.2.1", CLASS_IP, "192.0.2.1"},
		{"ip.src==198.51.100.200", CLASS_IP, "198.51.100.200"},
		{"inside/198.51.100.200(80)", CLASS_IP, "198.51.100.200"},
		{"line\\n198.51.100.200\\n", CLASS_IP, "198.51.100.200"},
		{"IP: 1.2.3.4", CLASS_IP, "1.2.3.4"},
		{"IP-Adresse 4.3.2.1", CLASS_IP, "4.3.2.1"},
		{"ping 8.8.8.8", CLASS_IP, "8.8.8.8"},
		{"8.8.4.4:53", CLASS_IP, "8.8.4.4"},
		{"255.254.3.4", CLASS_IP, "255.254.3.4"},
		{"2.0.0.192.in-addr.arpa 192.0.2.77", CLASS_IP, "192.0.2.77"},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), NETWORK);
}

static void what_looks_like_ipv4_stays(void **state)
{
	static const struct row rows[] = {
		{"version 198.51.100.2", CLASS_IP, NULL},
		{"Version: 198.51.100.2", CLASS_IP, NULL},
		{"\"version\": \"198.51.100.2\"", CLASS_IP, NULL},
		{"FileVersion=198.51.100.2", CLASS_IP, NULL},
		{"product_version = 98.51.100.2", CLASS_IP, NULL},
		{"version is 98.51.100.2", CLASS_IP, NULL},
		{"firmware 98.51.100.2", CLASS_IP, NULL},
		{"build 98.51.100.2", CLASS_IP, NULL},
		{"v98.51.100.2", CLASS_IP, NULL},
		{"v 98.51.100.2", CLASS_IP, NULL},
		{"10.0.19041.1", CLASS_IP, NULL},
		{"v10.0.19041.1", CLASS_IP, NULL},
		{"Chrome/120.0.60.109", CLASS_IP, NULL},
		{"libfoo.so.98.51.100.2", CLASS_IP, NULL},
		{"foo-98.51.100.2.tar.gz", CLASS_IP, NULL},
		{"foo==98.51.100.2", CLASS_IP, NULL},
		{"98.51.100.2-rc1", CLASS_IP, NULL},
		{"98.51.100.2-1", CLASS_IP, NULL},
		{"98.51.100.2+dfsg", CLASS_IP, NULL},
		{"1.3.6.1.4.1.311.21.8", CLASS_IP, NULL},
		{"OID 2.5.29.17", CLASS_IP, NULL},
		{"98.51.100.2.7", CLASS_IP, NULL},
		{"3.2.1.4 Scope", CLASS_IP, NULL},
		{"1.2.3.4", CLASS_IP, NULL},
		{"256.1.1.1", CLASS_IP, NULL},
		{"198.51.100", CLASS_IP, NULL},
		{"198.051.100.2", CLASS_IP, NULL},
		{"1998.51.100.2", CLASS_IP, NULL},
		{"198.51.100.2222", CLASS_IP, NULL},
		{"a198.51.100.22", CLASS_IP, NULL},
		{"198.51.100.22b", CLASS_IP, NULL},
		{"0.0.0.0:80", CLASS_IP, NULL},
		{"127.0.0.1:8080", CLASS_IP, NULL},
		{"netmask 255.255.255.0", CLASS_IP, NULL},
		{"255.255.255.255", CLASS_IP, NULL},
		{"04.07.2024", CLASS_IP, NULL},
		{"1.234.567,89", CLASS_IP, NULL},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), NETWORK);
}

static void ipv6_addresses_are_found(void **state)
{
	static const struct row rows[] = {
		/* RFC 4291, 2.2 */
		{"ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", CLASS_IP,
		 "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789"},
		{"2001:DB8:0:0:8:800:200C:417A", CLASS_IP, "2001:DB8:0:0:8:800:200C:417A"},
		{"2001:DB8::8:800:200C:417A", CLASS_IP, "2001:DB8::8:800:200C:417A"},
		{"FF01::101", CLASS_IP, "FF01::101"},
		{"0:0:0:0:0:FFFF:129.144.52.38", CLASS_IP, "0:0:0:0:0:FFFF:129.144.52.38"},
		{"::FFFF:129.144.52.38", CLASS_IP, "::FFFF:129.144.52.38"},
		{"::13.1.68.3", CLASS_IP, "::13.1.68.3"},
		{"2001:0DB8::CD30:0:0:0:0/60", CLASS_IP, "2001:0DB8::CD30:0:0:0:0/60"},
		{"from 2001:db8::1.", CLASS_IP, "2001:db8::1"},
		{"2001:db8::1: no route", CLASS_IP, "2001:db8::1"},
		{"inet6 addr:2001:db8::1/64", CLASS_IP, "2001:db8::1/64"},
		{"ip:2001:db8::1", CLASS_IP, "2001:db8::1"},
		{"https://[2001:db8::7]:443/", CLASS_IP, "2001:db8::7"},
		{"fe80::1ff:fe23:4567:890a%eth2", CLASS_IP, "fe80::1ff:fe23:4567:890a%eth2"},
		{"fe80::1", CLASS_IP, "fe80::1"},
		{"64:ff9b::192.0.2.33", CLASS_IP, "64:ff9b::192.0.2.33"},
		{"2001:db8::", CLASS_IP, "2001:db8::"},
		{"2001:db8:85a3:8d3:1319:8a2e:370:7348,", CLASS_IP,
		 "2001:db8:85a3:8d3:1319:8a2e:370:7348"},
		{"\"2001:db8::2:1\"", CLASS_IP, "2001:db8::2:1"},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), NETWORK);
}

static void what_looks_like_ipv6_stays(void **state)
{
	static const struct row rows[] = {
		{"12:34:56", CLASS_IP, NULL},
		{"2024-07-04T12:34:56.789Z", CLASS_IP, NULL},
		{"10:12:34:56", CLASS_IP, NULL},
		{"std::vector", CLASS_IP, NULL},
		{"a::b", CLASS_IP, NULL},
		{"dead::beef", CLASS_IP, NULL},
		{"abc::def::add", CLASS_IP, NULL},
		{"::", CLASS_IP, NULL},
		{"::1", CLASS_IP, NULL},
		{"ns::f1::g", CLASS_IP, NULL},
		{"1:2:3:4:5:6:7:8", CLASS_IP, NULL},
		{"2001:db8:1", CLASS_IP, NULL},
		{"1::2::3", CLASS_IP, NULL},
		{"urn:oasis:names:tc", CLASS_IP, NULL},
		{"SHA1 de:ad:be:ef:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff", CLASS_IP,
		 NULL},
		{"00:11:22:33:44:55:66:77:88", CLASS_IP, NULL},
		{"ratio 3:4:5, 16:9", CLASS_IP, NULL},
		{"Psalm 23:1-6; 1:2:3", CLASS_IP, NULL},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), NETWORK);
}

static void mac_addresses_are_found(void **state)
{
	static const struct row rows[] = {
		{"00:1B:44:11:3A:B7", CLASS_MAC, "00:1B:44:11:3A:B7"},
		{"00-1b-44-11-3a-b7", CLASS_MAC, "00-1b-44-11-3a-b7"},
		{"001b.4411.3ab7", CLASS_MAC, "001b.4411.3ab7"},
		{"mac:00:1B:44:11:3A:B7.", CLASS_MAC, "00:1B:44:11:3A:B7"},
		{"id:00:1B:44:11:3A:B7", CLASS_MAC, "00:1B:44:11:3A:B7"},
		{"ether 00:1b:44:11:3a:b7 txqueuelen", CLASS_MAC, "00:1b:44:11:3a:b7"},
		{"02:00:5e:10:00:00:00:01", CLASS_MAC, "02:00:5e:10:00:00:00:01"},
		{"02-00-5E-10-00-00-00-01", CLASS_MAC, "02-00-5E-10-00-00-00-01"},
		{"MAC address 001B44113AB7", CLASS_MAC, "001B44113AB7"},
		{"MAC-Adresse: 001b44-113ab7", CLASS_MAC, "001b44-113ab7"},
		{"bssid=001b44113ab7", CLASS_MAC, "001b44113ab7"},
		{"mac 0011.2233.4455", CLASS_MAC, "0011.2233.4455"},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), NETWORK);
}

static void what_looks_like_a_mac_stays(void **state)
{
	static const struct row rows[] = {
		{"ff:ff:ff:ff:ff:ff", CLASS_MAC, NULL},
		{"00:00:00:00:00:00", CLASS_MAC, NULL},
		{"001B44113AB7", CLASS_MAC, NULL},
		{"00:1B:44:11:3A", CLASS_MAC, NULL},
		{"00:1B:44:11:3A:B7:01", CLASS_MAC, NULL},
		{"00:1B-44:11-3A:B7", CLASS_MAC, NULL},
		{"x00:1B:44:11:3A:B7", CLASS_MAC, NULL},
		{"00:1B:44:11:3A:B7x", CLASS_MAC, NULL},
		{"1234.5678.9012", CLASS_MAC, NULL},
		{"550e8400-e29b-41d4-a716-446655440000", CLASS_MAC, NULL},
		{"2024-01-02-03-04", CLASS_MAC, NULL},
		{"0001b.4411.3ab7", CLASS_MAC, NULL},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), NETWORK);
}

static void passwords_of_programs_are_found(void **state)
{
	static const struct row rows[] = {
		{"curl -u kim:s3cret https://x.example", CLASS_URL_CREDENTIALS, "kim:s3cret"},
		{"curl -s --user 'kim:s3 cret' x", CLASS_URL_CREDENTIALS, "kim:s3 cret"},
		{"curl -X POST -u \"kim:pw\" x", CLASS_URL_CREDENTIALS, "kim:pw"},
	};
	static const struct row others[] = {
		{"curl -X http://x.example", CLASS_URL_CREDENTIALS, NULL},
		{"curl -u kim x", CLASS_URL_CREDENTIALS, NULL},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), NETWORK);
	check_rows(others, BL_COUNT(others), NETWORK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_addresses_are_found),
		cmocka_unit_test(what_looks_like_ipv4_stays),
		cmocka_unit_test(ipv6_addresses_are_found),
		cmocka_unit_test(what_looks_like_ipv6_stays),
		cmocka_unit_test(mac_addresses_are_found),
		cmocka_unit_test(what_looks_like_a_mac_stays),
		cmocka_unit_test(passwords_of_programs_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
