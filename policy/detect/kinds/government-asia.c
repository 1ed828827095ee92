/* Official numbers of Asia, Oceania and Africa, but for those of health (health.c) */
#include "policy/detect/kind.h"

#include <string.h>

#include "policy/detect/kinds/check.h"

#define ID_WORDS                                                                                   \
	"national id|national id number|national identity|national identity number|"               \
	"national identification number|identity number|identity no|id number|id no|"              \
	"personal id|personal identification number|identity card|identity card number|id card|"   \
	"id card number|citizen id|citizen number|resident id|nid|nid number"

#define TAX_WORDS                                                                                  \
	"tax id|tax number|tax identification number|tax identification|tin|taxpayer id|tax no|"   \
	"tax file number"

#define LICENCE_WORDS                                                                              \
	"driving licence|driving license|driver's licence|driver's license|drivers licence|"       \
	"drivers license|driver licence|driver license|licence number|license number|licence no|"  \
	"license no|dl|dl no|dl number|licence|license"

#define PASSPORT_WORDS                                                                             \
	"passport|passport number|passport no|passport nr|passport id|travel document"

static bool continues_group(const struct text *text, size_t at, size_t end)
{
	if (at >= 2 && text->bytes[at - 1] == ' ' && text_is_digit(text->bytes[at - 2]))
		return true;
	return end + 1 < text->length && (text->bytes[end] == ' ' || text->bytes[end] == '-') &&
	       text_is_digit(text->bytes[end + 1]);
}

/* Year, month, day, hour, minute in twelve digits, as file names and orders have them. */
static bool is_moment(const uint8_t *digits)
{
	const char *text = (const char *)digits;

	return check_pair(text) == 20 &&
	       check_date((unsigned)check_number(text, 0, 4), check_pair(text + 4),
			  check_pair(text + 6)) &&
	       check_pair(text + 8) < 24 && check_pair(text + 10) < 60;
}

/* "234567890124": the check digit alone has to do (shared/detection says it does), so nothing may stand in front that joins. */
static size_t bare_aadhaar(const struct text *text, size_t at)
{
	for (size_t i = 0; i < 12; i++)
		if (!text_is_digit(text->bytes[at + i]))
			return at;
	if (at > 0 && memchr("#-_/.+:@=&%$", text->bytes[at - 1], 12))
		return at;
	if (at + 13 < text->length && memchr("-/.:,@", text->bytes[at + 12], 6) &&
	    text_is_alnum(text->bytes[at + 13]))
		return at;
	return is_moment(text->bytes + at) ? at : at + 12;
}

/* "2345 6789 0124", the groups that UIDAI prints; no part of a card's number. */
static size_t grouped_aadhaar(const struct text *text, size_t at)
{
	uint8_t separator = text->bytes[at + 4];

	if ((separator != ' ' && separator != '-') || text->bytes[at + 9] != separator)
		return at;
	for (size_t i = 0; i < 14; i++)
		if (i % 5 != 4 && !text_is_digit(text->bytes[at + i]))
			return at;
	return at > 0 && text->bytes[at - 1] == '-' ? at : at + 14;
}

static size_t match_aadhaar(const struct text *text, size_t at)
{
	size_t end = at;

	if (!text_starts_word(text, at))
		return at;
	if (text->length - at >= 12)
		end = bare_aadhaar(text, at);
	if (end == at && text->length - at >= 14)
		end = grouped_aadhaar(text, at);
	if (end == at || !text_ends_word(text, end))
		return at;
	return continues_group(text, at, end) ? at : end;
}

static const struct kind rows[] = {
	/* ---- India and its neighbours */
	{"in-aadhaar", "UIDAI, Aadhaar Numbering Scheme; Verhoeff", CLASS_NATIONAL_ID, KIND_SURE,
	 "d{4}_d{4}_d{4}", match_aadhaar, check_in_aadhaar, NULL, NULL},
	{"in-aadhaar-labelled", "UIDAI, Aadhaar Numbering Scheme; Verhoeff", CLASS_NATIONAL_ID,
	 KIND_LABELLED, "d{4}_d{4}_d{4}", NULL, check_in_aadhaar,
	 "aadhaar|aadhar|adhaar|adhar|aadhaar number|aadhaar no|aadhaar card|aadhaar "
	 "id|uid|uidai|uid number|"
	 "आधार|आधार नंबर|आधार संख्या|आधार कार्ड|unique identification number|" ID_WORDS,
	 "aadhaar|aadhar"},
	{"in-vid", "UIDAI, Virtual ID", CLASS_NATIONAL_ID, KIND_LABELLED, "d{4}_d{4}_d{4}_d{4}",
	 NULL, NULL, "vid|virtual id|aadhaar vid|aadhaar virtual id|aadhaar", NULL},
	{"in-pan", "Income-tax Act 1961, 139A; Income-tax Rules 114", CLASS_TAX_ID, KIND_LABELLED,
	 "a{5}_d{4}_a", NULL, check_in_pan,
	 "pan|pan number|pan no|pan card|pan card number|pancard|permanent account "
	 "number|permanent account|"
	 "income tax|it pan|पैन|पैन नंबर|" TAX_WORDS,
	 "pan"},
	{"in-gstin", "CGST Rules 2017, 10", CLASS_TAX_ID, KIND_SURE,
	 "d{2}a{5}d{4}axax|d{2}a{5}d{4}axZx", NULL, check_in_gstin, NULL, NULL},
	{"in-gstin-labelled", "CGST Rules 2017, 10", CLASS_TAX_ID, KIND_LABELLED,
	 "d{2}a{5}d{4}axax|d{2}a{5}d{4}ax{3}", NULL, NULL,
	 "gstin|gst|gst no|gst number|gstin no|gst in", NULL},
	{"in-voter", "Registration of Electors Rules 1960 (EPIC)", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "a{3}_d{7}|a{2}/d{2}/d{3}/d{6}", NULL, NULL,
	 "voter|voter id|voter id number|voter id card|voter card|epic|epic no|epic "
	 "number|election card|"
	 "electors photo identity card|voterid|मतदाता|" ID_WORDS,
	 NULL},
	{"in-passport", "Passports Act 1967; Ministry of External Affairs", CLASS_PASSPORT,
	 KIND_LABELLED, "a_d{7}|a d{2} d{5}", NULL, NULL, PASSPORT_WORDS "|indian passport|पासपोर्ट",
	 "passport"},
	{"in-licence", "Ministry of Road Transport and Highways, Sarathi", CLASS_DRIVING_LICENCE,
	 KIND_LABELLED,
	 "a{2}_d{2}_d{11}|a{2}_d{2}_d{4}_d{7}|a{2}\\-d{13}|a{2}d{2} d{11}|a{2}\\-d{2}d{11}|a{2} "
	 "d{13}|a{2}d{2}\\-d{11}|a{2}\\-d{2}/d{4}/d{7}",
	 NULL, NULL, LICENCE_WORDS "|sarathi", NULL},
	{"in-uan", "EPFO, Universal Account Number", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{12}|d{4} d{4} d{4}", NULL, NULL,
	 "uan|uan number|uan no|universal account number|pf uan", NULL},
	{"pk-cnic", "NADRA Ordinance 2000", CLASS_NATIONAL_ID, KIND_LABELLED, "d{5}_d{7}_d", NULL,
	 NULL, "cnic|cnic no|cnic number|nicop|nadra|snic|" ID_WORDS, "cnic"},
	{"bd-nid", "National Identity Registration Act 2010", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{10}|d{13}|d{17}|d{3} d{3} d{4}", NULL, NULL,
	 "nid|nid no|nid number|national id|জাতীয় পরিচয়পত্র|এনআইডি", NULL},
	{"lk-nic", "Registration of Persons Act 32/1968", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{9}V|d{9}X|d{12}|d{9} V", NULL, NULL, "nic|nic no|nic number|" ID_WORDS, NULL},
	/* ---- Singapore, Malaysia, Indonesia, Thailand, Philippines, Vietnam */
	{"sg-nric", "National Registration Act 1965; Immigration and Checkpoints Authority",
	 CLASS_NATIONAL_ID, KIND_LABELLED, "a_d{7}_a", NULL, check_sg_nric,
	 "nric|nric no|nric number|nric/fin|fin|fin no|fin number|ic|ic no|ic number|i c|i c "
	 "no|singpass|"
	 "nric fin|work permit|uin|foreign identification number|" ID_WORDS "|" TAX_WORDS,
	 "nric|fin"},
	{"sg-uen", "Entities UEN; ACRA", CLASS_TAX_ID, KIND_LABELLED, "d{8,9}a|a{1}d{2}a{2}d{4}a",
	 NULL, NULL, "uen|uen no|uen number|gst reg no|gst registration", NULL},
	{"sg-passport", "Immigration and Checkpoints Authority", CLASS_PASSPORT, KIND_LABELLED,
	 "a_d{7}_a|a_d{8}", NULL, NULL, PASSPORT_WORDS, NULL},
	{"my-nric", "National Registration Regulations 1990", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{6}_d{2}_d{4}", NULL, check_my_nric,
	 "mykad|my kad|nric|nric no|nric number|ic|ic no|ic number|i c|i c no|kad pengenalan|no "
	 "kad pengenalan|no kp|"
	 "no k p|no ic|nombor kad pengenalan|mykid|" ID_WORDS,
	 "mykad|nric"},
	{"id-nik", "Undang-undang 24/2013; Permendagri 72/2022", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{16}|d{4}_d{4}_d{4}_d{4}|d{6} d{6} d{4}|d{6}.d{6}.d{4}", NULL, check_id_nik,
	 "nik|ktp|nomor induk kependudukan|no ktp|nomor ktp|no nik|e ktp|ektp|kartu tanda "
	 "penduduk|kk|no kk|" ID_WORDS,
	 "nik"},
	{"id-npwp", "Undang-undang 28/2007; PMK 112/2022", CLASS_TAX_ID, KIND_LABELLED,
	 "d{2}.d{3}.d{3}.d\\-d{3}.d{3}|d{15,16}", NULL, NULL,
	 "npwp|no npwp|nomor npwp|nomor pokok wajib pajak|" TAX_WORDS, NULL},
	{"th-id", "Civil Registration Act 1991", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d_d{4}_d{5}_d{2}_d", NULL, check_th_id,
	 "เลขประจำตัวประชาชน|บัตรประชาชน|เลขบัตรประชาชน|เลขที่บัตรประชาชน|หมายเลขบัตรประชาชน|"
	 "เลขประจำตัวผู้เสียภาษี|"
	 "thai id|thai national id|" ID_WORDS "|" TAX_WORDS,
	 NULL},
	{"ph-id", "RA 11055 (PhilSys); SSS; GSIS; PhilHealth; Pag-IBIG", CLASS_NATIONAL_ID,
	 KIND_LABELLED, "d{2}_d{7}_d|d{4}_d{4}_d{4}_d{4}|d{4}_d{4}_d{4}|d{4}_d{7}_d|d{11}", NULL,
	 NULL,
	 "sss|sss no|sss number|umid|crn|philsys|psn|pcn|phil id|philid|gsis|gsis no|pag "
	 "ibig|pagibig|pag ibig mid|philhealth",
	 NULL},
	{"ph-tin", "National Internal Revenue Code, 236", CLASS_TAX_ID, KIND_LABELLED,
	 "d{3}_d{3}_d{3}_d{3,5}|d{3}_d{3}_d{3}", NULL, NULL,
	 "tin|tin no|tin number|bir tin|tax identification number|tin id", NULL},
	{"vn-cccd", "Luật Căn cước 26/2023; CMND", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{12}|d{9}|d{3} d{3} d{3} d{3}", NULL, NULL,
	 "cccd|cmnd|căn cước|căn cước công dân|số cccd|số cmnd|số căn cước|chứng minh nhân "
	 "dân|cmtnd|" ID_WORDS,
	 NULL},
	/* ---- China, Hong Kong, Macau, Taiwan, Japan, Korea */
	{"cn-resident-id", "GB 11643-1999", CLASS_NATIONAL_ID, KIND_SURE, "d{17}x", NULL,
	 check_cn_id, NULL, NULL},
	{"cn-resident-id-labelled", "GB 11643-1999", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{6}_d{8}_d{3}x|d{6} d{4} d{4} d{3}x", NULL, check_cn_id,
	 "身份证|身份证号|身份证号码|居民身份证|公民身份号码|公民身份证号码|身份证件号码|"
	 "居民身份证号码|证件号码|身分證|"
	 "resident identity card|chinese id|shenfenzheng|" ID_WORDS,
	 NULL},
	{"cn-passport", "Passport Law of the PRC", CLASS_PASSPORT, KIND_LABELLED, "a{1,2}_d{7,8}",
	 NULL, NULL, "护照|护照号|护照号码|護照|護照號碼|" PASSPORT_WORDS, NULL},
	{"hk-id", "Registration of Persons Ordinance (Cap. 177)", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "a{1,2}_d{6}_x|a{1,2}d{6}(x)|a{1,2}d{6} (x)|a{1,2} d{6}(x)|a{1,2} d{3} d{3}(x)", NULL,
	 check_hk_id,
	 "hkid|hkid no|hkid number|hk id|hong kong id|hong kong identity card|hong kong id "
	 "card|身份證|身份證號碼|"
	 "香港身份證|香港身份證號碼|hkic|" ID_WORDS,
	 "hkid"},
	{"tw-id", "戶籍法; 內政部", CLASS_NATIONAL_ID, KIND_LABELLED, "a_d{9}|a{2}d{8}", NULL,
	 check_tw_id,
	 "身分證|身分證字號|身份證字號|身分證號碼|身分證統一編號|國民身分證|國民身分證統一編號|"
	 "統一證號|居留證|居留證號|"
	 "arc|arc number|taiwan id|uniform id|統一編號|" ID_WORDS,
	 NULL},
	{"jp-my-number", "行政手続番号法; 総務省令 85/2014", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{4}_d{4}_d{4}", NULL, check_jp_my_number,
	 "my number|mynumber|my number "
	 "card|マイナンバー|個人番号|マイナンバーカード|個人番号カード|individual number|" ID_WORDS
	 "|" TAX_WORDS,
	 NULL},
	{"jp-passport", "旅券法", CLASS_PASSPORT, KIND_LABELLED, "a{2}_d{7}", NULL, NULL,
	 "旅券|旅券番号|パスポート|パスポート番号|" PASSPORT_WORDS, NULL},
	{"jp-licence", "道路交通法施行規則", CLASS_DRIVING_LICENCE, KIND_LABELLED,
	 "d{12}|d{4} d{4} d{4}", NULL, NULL,
	 "運転免許|運転免許証|免許証|免許証番号|運転免許証番号|" LICENCE_WORDS, NULL},
	{"kr-rrn", "주민등록법; 주민등록법 시행규칙", CLASS_NATIONAL_ID, KIND_LABELLED, "d{6}_d{7}",
	 NULL, check_kr_rrn,
	 "rrn|주민등록번호|주민번호|주민등록|외국인등록번호|resident registration number|resident "
	 "registration|"
	 "korean rrn|jumin|alien registration number|foreign registration number|" ID_WORDS,
	 NULL},
	{"kr-passport", "여권법", CLASS_PASSPORT, KIND_LABELLED, "a_d{8}|ad{3}ad{4}|a{2}_d{7}",
	 NULL, NULL, "여권|여권번호|" PASSPORT_WORDS, NULL},
	{"kr-licence", "도로교통법 시행규칙", CLASS_DRIVING_LICENCE, KIND_LABELLED,
	 "d{2}_d{2}_d{6}_d{2}", NULL, NULL,
	 "운전면허|운전면허번호|면허번호|운전면허증|" LICENCE_WORDS, NULL},
	{"kr-brn", "부가가치세법", CLASS_TAX_ID, KIND_LABELLED, "d{3}\\-d{2}\\-d{5}|d{10}", NULL,
	 NULL, "사업자등록번호|사업자번호|business registration number|brn", NULL},
	/* ---- Australia, New Zealand */
	{"au-tfn", "Taxation Administration Act 1953, 202; ATO", CLASS_TAX_ID, KIND_LABELLED,
	 "d{3}_d{3}_d{3}|d{8}|d{3} d{3} d{2}|d{2} d{3} d{3}", NULL, check_au_tfn,
	 "tfn|tfn number|tfn no|tax file|tax file no|tax file num|tax file nr|australian tax|ato "
	 "number|" TAX_WORDS,
	 "tfn"},
	{"au-abn", "A New Tax System (Australian Business Number) Act 1999", CLASS_TAX_ID,
	 KIND_LABELLED, "d{2}_d{3}_d{3}_d{3}|d{11}", NULL, check_au_abn,
	 "abn|abn number|abn no|australian business number|business number|a b n|gst", "abn"},
	{"au-acn", "Corporations Act 2001, ASIC", CLASS_TAX_ID, KIND_LABELLED, "d{3}_d{3}_d{3}",
	 NULL, NULL, "acn|acn number|acn no|arbn|australian company number|company number", NULL},
	{"au-passport", "Australian Passports Act 2005", CLASS_PASSPORT, KIND_LABELLED,
	 "a{1,2}_d{7}", NULL, NULL, PASSPORT_WORDS "|australian passport", "passport"},
	{"au-licence", "Austroads, driver licence numbers of the states", CLASS_DRIVING_LICENCE,
	 KIND_LABELLED,
	 "d{6,10}|d{3}_d{3}_d{3}|d{4}a{2}|a{2}d{4,6}|a{1,2}d{5,6}|d{2} d{3} d{3}|d{5}a|d{4} d{4}",
	 NULL, NULL, LICENCE_WORDS "|licence card|card number of licence", NULL},
	{"nz-ird", "Inland Revenue, RWT and NRWT specification", CLASS_TAX_ID, KIND_LABELLED,
	 "d{2,3}_d{3}_d{3}", NULL, check_nz_ird,
	 "ird|ird no|ird number|ird num|inland revenue|inland revenue number|" TAX_WORDS, "ird"},
	{"nz-licence", "Land Transport (Driver Licensing) Rule 1999", CLASS_DRIVING_LICENCE,
	 KIND_LABELLED, "a{2}_d{6}", NULL, NULL, LICENCE_WORDS, NULL},
	{"nz-passport", "Passports Act 1992", CLASS_PASSPORT, KIND_LABELLED, "a{1,2}_d{6}", NULL,
	 NULL, PASSPORT_WORDS, NULL},
	/* ---- Africa, the Middle East, Central Asia */
	{"za-id", "Identification Act 68/1997; Home Affairs", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{13}|d{6}_d{4}_d{3}|d{6}_d{4}_d{2}_d|d{6} d{4} d d d", NULL, check_za_id,
	 "sa id|rsa id|south african id|sa id number|rsa id number|id nommer|identiteitsnommer|id "
	 "nr|said|idno|" ID_WORDS,
	 "id number"},
	{"za-tax", "SARS, BRS modulus 10", CLASS_TAX_ID, KIND_LABELLED, "d{10}|d{4}_d{3}_d{3}",
	 NULL, NULL,
	 "sars|income tax number|income tax reference|tax reference number|tax ref|" TAX_WORDS,
	 NULL},
	{"ng-nin", "NIMC Act 2007; FIRS; CBN (BVN)", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{11}|d{4} d{3} d{4}", NULL, NULL,
	 "nin|nin number|nin no|nimc|bvn|bvn number|bank verification number|" ID_WORDS, NULL},
	{"ke-id", "Registration of Persons Act (Cap. 107); KRA PIN", CLASS_NATIONAL_ID,
	 KIND_LABELLED, "d{7,8}|a_d{9}_a", NULL, NULL,
	 "kra pin|kra|huduma|kitambulisho|national id|id number|national id number|huduma namba",
	 NULL},
	{"eg-id", "قانون الأحوال المدنية 143/1994", CLASS_NATIONAL_ID, KIND_LABELLED, "d{14}", NULL,
	 NULL, "الرقم القومي|رقم قومي|رقم البطاقة|رقم الهوية|بطاقة الرقم القومي|" ID_WORDS, NULL},
	{"il-id", "חוק מרשם האוכלוסין 1965", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{8,9}|d{8}\\-d|d_d{7}_d|d\\-d{7}\\-d", NULL, check_il_id,
	 "teudat zehut|teudat|ת ז|תז|ת\"ז|תעודת זהות|מספר זהות|מספר תעודת זהות|ת.ז.|מס זהות|tz|t "
	 "z|israeli id|" ID_WORDS,
	 NULL},
	{"tr-tc", "Nüfus Hizmetleri Kanunu 5490", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{11}|d{3} d{3} d{3} d{2}|d{3} d{3} d{2} d{3}", NULL, check_tr_tc,
	 "tc|t c|tckn|tc kimlik|t c kimlik|kimlik|kimlik no|kimlik numarası|tc no|tc kimlik no|t c "
	 "kimlik no|"
	 "tc kimlik numarası|t c kimlik numarası|kimlik numaranız|kimlik numaram|tc kimlik "
	 "numaram|" ID_WORDS "|" TAX_WORDS,
	 "tc kimlik|tckn"},
	{"tr-vkn", "Vergi Usul Kanunu 213", CLASS_TAX_ID, KIND_LABELLED, "d{10}", NULL, NULL,
	 "vkn|vergi|vergi no|vergi numarası|vergi kimlik numarası|vergi kimlik no|vergi "
	 "dairesi|" TAX_WORDS,
	 NULL},
	{"ae-eid", "Federal Decree-Law 25/2017, Emirates ID", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "784_d{4}_d{7}_d", NULL, NULL,
	 "emirates id|eid|emirates id number|emirates id no|uae id|eida|هوية|الهوية الإماراتية|رقم "
	 "الهوية|بطاقة الهوية|" ID_WORDS,
	 NULL},
	{"sa-id", "Saudi Ministry of Interior", CLASS_NATIONAL_ID, KIND_LABELLED, "d{10}", NULL,
	 NULL,
	 "iqama|iqama no|iqama number|رقم الهوية|رقم الإقامة|الهوية الوطنية|saudi "
	 "id|هوية|" ID_WORDS,
	 NULL},
	{"kz-iin", "Закон РК О национальных реестрах идентификационных номеров", CLASS_NATIONAL_ID,
	 KIND_LABELLED, "d{12}", NULL, check_kz_iin, "иин|жсн|iin|" ID_WORDS, NULL},
};

const struct kind_table kinds_government_asia = {rows, BL_COUNT(rows)};
