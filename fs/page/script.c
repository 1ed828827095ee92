/*
 * The one script: sorts tables by a head, and finds rows. Nothing is missing without it, and paper shows every row with it. Heads are no
 * <button>: browsers leave those out where they repeat a head on the next sheet of paper.
 */
#include "fs/page/private.h"

const char PAGE_SCRIPT[] =
	"'use strict';\n"
	"for(const table of document.querySelectorAll('table')){\n"
	" const body=table.tBodies[0],heads=[...table.tHead.rows[0].cells];\n"
	" const key=(row,i)=>{const cell=row.cells[i];"
	"return cell.dataset.v===undefined?cell.textContent:cell.dataset.v};\n"
	" if(body.rows.length>1)heads.forEach((head,i)=>{\n"
	"  const button=document.createElement('span'),isNumber=head.classList.contains('n');\n"
	"  button.tabIndex=0;button.setAttribute('role','button');\n"
	"  button.append(...head.childNodes);head.append(button);\n"
	"  button.addEventListener('keydown',event=>{if(event.key==='Enter'||event.key===' '){"
	"event.preventDefault();button.click()}});\n"
	"  button.addEventListener('click',()=>{\n"
	"   const was=head.getAttribute('aria-sort'),"
	"down=was?was==='ascending':isNumber,sign=down?-1:1;\n"
	"   heads.forEach(other=>other.removeAttribute('aria-sort'));\n"
	"   head.setAttribute('aria-sort',down?'descending':'ascending');\n"
	"   body.append(...[...body.rows].map(row=>[key(row,i),row]).sort(([a],[b])=>"
	"sign*(isNumber?(parseFloat(a)||0)-(parseFloat(b)||0):a<b?-1:a>b?1:0)).map(([,row])=>row))}"
	")});"
	"\n"
	" if(body.rows.length>10){\n"
	"  const label=document.createElement('label'),input=document.createElement('input'),"
	"count=document.createElement('span');\n"
	"  label.className='find';input.type='search';count.setAttribute('role','status');\n"
	"  label.append(count,'Find',input);table.parentNode.before(label);\n"
	"  input.addEventListener('input',()=>{\n"
	"   const wanted=input.value.toLowerCase();let shown=0;\n"
	"   for(const row of body.rows){const is=row.textContent.toLowerCase().includes(wanted);"
	"row.classList.toggle('out',!is);shown+=is}\n"
	"   count.textContent=wanted?shown+' of '+body.rows.length:''})}\n"
	"}\n";
