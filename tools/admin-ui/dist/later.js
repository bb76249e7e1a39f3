import{$ as I,$a as Ot,A as $e,B as dt,C as $t,D as ut,Da as xt,E as ue,F as W,Fa as fe,G as B,Ga as Ae,Ha as we,I as pt,Ia as Xe,J as le,Ja as Ct,K as Ne,Ka as St,M as j,Ma as X,N as mt,Na as Et,O as ft,Oa as Ze,P as ge,Q as E,Qa as Me,R,Ra as Le,S as De,Sa as Ke,Ta as Ye,U as x,Ua as Bt,V as K,Va as Dt,W as D,X as H,Xa as Ve,Y as ht,Z as Q,_ as J,_a as It,aa as F,ab as Ft,b as u,ba as bt,bb as Pt,c as S,ca as ee,cb as jt,d as at,da as vt,db as se,e as Pe,ea as Re,eb as ie,f as s,fa as qe,fb as re,ga as ye,h as ne,ha as pe,hb as _e,i as N,ia as C,ib as Qe,j as P,ja as Z,jb as Tt,k as je,ka as gt,l as Te,la as yt,m as Be,ma as kt,n as U,na as wt,o as z,oa as te,p as lt,q as it,qa as ke,ra as Ie,sa as _t,t as ct,ta as Je,u as e,v as be,va as me,w as de,wa as Ue,x as L,xa as G,y as ze,ya as Ge,z as ve}from"./shared-R3ESIR2W.js";function xe({kind:t="dir",value:n,choose:o,...a}){return s`<div class="path-field"><${D} ...${a} value=${n} autocomplete="off" spellcheck="false" autocapitalize="none" onInput=${r=>o(r.target.value)} />
<button type="button" class="link path-browse" onClick=${async()=>{let r=await le(({close:d})=>s`<${cs} kind=${t} start=${n} close=${d} />`);r&&o(r)}}>${e("path.browse")}<span class="visually-hidden"> ${a.label}</span></button></div>`}function cs({kind:t,start:n,close:o}){let[a,i]=u(null),[r,d]=u(null),c=f=>N(U("/folders",{path:f,kind:t})).then(h=>{i(h),d(null)},h=>{f&&!a?c(""):d(h)});return S(()=>{c(n&&/^[/~]/.test(n)?n:"")},[]),s`<${j} title=${e(t==="dir"?"path.title":"path.title_file")} subtitle=${a?.path} close=${o}
footer=${s`<button type="button" class="secondary" onClick=${()=>o()}>${e("cancel")}</button>
${t==="dir"&&s`<button type="button" disabled=${!a} onClick=${()=>o(a.path)}>${e("path.this")}</button>`}`}>
${!a&&!r&&s`<${F} lines="5" />`}
<${x} error=${r} />
${a&&s`<ul class="paths" aria-label=${a.path}>
${a.parent&&s`<li><button type="button" class="plain" onClick=${()=>c(a.parent)}><${B} name="folder" size="17" /><span>${e("path.up")}</span></button></li>`}
${a.entries.map(f=>s`<li key=${f.path}><button type="button" class="plain" onClick=${()=>f.dir?c(f.path):o(f.path)}>
<${B} name=${f.dir?"folder":"file"} size="17" /><span>${f.name}</span><span class="muted push">${f.dir?"":L(f.size)}</span></button></li>`)}
</ul>
${a.entries.length===0&&s`<p class="muted">${e("path.empty")}</p>`}
${a.complete===!1&&s`<p class="help">${e("path.incomplete")}</p>`}
${t==="dir"&&a.writable===!1&&s`<${K} tone="warn" icon="alert"><p>${e("path.read_only")}</p><//>`}`}
<//>`}var ds=t=>be(`step.${t}`)?e(`step.${t}`):t;function ae({steps:t,running:n}){let a=n?["connect","write","read","hash","delete"].map(i=>({step:i})):t||[];return s`<ol class="steps" aria-live="polite">
${a.map(i=>s`<li class=${i.ok===void 0?"tone-quiet":i.ok?"tone-good":"tone-bad"}>
<${B} name=${i.ok===void 0?"refresh":i.ok?"checkcircle":"xcircle"} class=${i.ok===void 0?"spin":""} />
<span>${ds(i.step)}</span>
<span class="muted">${i.ok===void 0?"":i.ok?e("step.ms",{ms:de(i.ms)}):e("step.failed")}</span>
</li>`)}
</ol>`}function $s({name:t,close:n}){let[o,a]=u(null),i=async()=>{a(null);try{a(await P(`/providers/${z(t)}/test`))}catch(r){a({error:r,steps:r.data?.steps||[]})}G().catch(()=>{})};return S(()=>{i()},[]),s`<${j} title=${e("test.title",{name:t})} subtitle=${e("test.about")} close=${n}
footer=${s`<${I} class="secondary" icon="refresh" busy=${!o} onClick=${i}>${e("test.again")}<//>
<button type="button" data-autofocus onClick=${()=>n()}>${e("close")}</button>`}>
<${ae} running=${!o} steps=${o?.steps} />
${o&&!o.error&&s`<p class="state tone-good"><${B} name="checkcircle" /><strong>${e("test.good",{name:t})}</strong></p>`}
<${x} error=${o?.error} />
<${E} command=${C("providers","test",t)} />
<//>`}var M=t=>`connect-${t}`;function Ce({field:t,type:n,values:o,set:a,problems:i}){let{key:r,number:d,example:c,choices:f,optional:h,fallback:b}=t,m={id:M(r),label:e(`field.${r}`),help:["path","folder","tls","base_url","ca_file","upload_limit"].includes(r)?e(`help.${r}`,{type:e(`kind.${n}`)}):void 0,error:i[M(r)],optional:h},v=o[r]??b??"";return r==="path"?s`<${xe} ...${m} value=${v} placeholder=${c} choose=${p=>a(r,p)} />`:f?s`<${D} ...${m}>${p=>s`<select ...${p} onChange=${$=>a(r,$.target.value)}>
${f.map($=>s`<option value=${$} selected=${$===v}>${e(`choice.${r}.${$}`)}</option>`)}</select>`}<//>`:s`<${D} ...${m} value=${v} placeholder=${c} inputmode=${d?"numeric":void 0} autocomplete="off" spellcheck="false"
autocapitalize="none" onInput=${p=>a(r,p.target.value)} />`}function zt({type:t,back:n,close:o}){let a=ee[t],i=[...a.fields,...a.more||[]],[r,d]=u(()=>({name:qe(t,te.value.map(_=>_.name)),signIn:"password",...Object.fromEntries(i.filter(_=>_.fallback).map(_=>[_.key,_.fallback]))})),[c,f]=u(null),[h,b]=u({}),[m,v]=u(null),p=(_,q)=>{d(he=>({...he,[_]:q})),(_==="host"||_==="port")&&f(null),v(null)},$=t==="sftp",g=$&&r.signIn==="key",l=t==="ftp"||$&&!g,y=!!m?.doing,T=()=>{let _={};ye(r.name)?te.value.some(q=>q.name===r.name)&&(_[M("name")]=e("field.name_taken")):_[M("name")]=e("field.name_rule");for(let q of i)q.required&&!String(r[q.key]??"").trim()&&(_[M(q.key)]=e("field.missing",{field:e(`field.${q.key}`)}));return t==="local"&&r.path&&!/^[/~$]/.test(r.path.trim())&&(_[M("path")]=e("field.path_rule")),r.port&&!(Number(r.port)>=1&&Number(r.port)<=65535)&&(_[M("port")]=e("field.port_rule")),g&&!r.key_file?.trim()&&(_[M("key_file")]=e("field.missing",{field:e("field.key_file")})),l&&!r.password&&(_[M("password")]=e("field.missing",{field:e("field.password")})),$&&!c?.compared&&(_[M("hostkey")]=e(c?"hostkey.compare_first":"hostkey.fetch_first")),b(_),Object.keys(_).length===0},O=()=>{let _=pe(i,r);$&&(_.host_key=c.fingerprint),g&&(_.key_file=r.key_file.trim());let q={};return l&&(q.password=r.password),g&&r.key_passphrase&&(q.key_passphrase=r.key_passphrase),{name:r.name,type:t,settings:_,secrets:q}},k=async _=>{if(T()){v({doing:_});try{if(_==="test"){let{steps:q,error:he}=await P("/provider-test",O());v({steps:q,error:he,good:!he})}else await P("/providers",{...O(),enabled:!0,test:!0}),await G().catch(()=>{}),R(e(ke.value>0?"connect.done_copying":"connect.done",{name:r.name})),o(r.name)}catch(q){v({error:q,steps:q.data?.steps})}}},V=async()=>{if(!r.host?.trim()){b({[M("host")]:e("field.missing",{field:e("field.host")})});return}v({doing:"key"});try{f(await P("/provider-host-key",{host:r.host.trim(),port:Number(r.port)||22})),v(null),b({})}catch(_){v({error:_})}},ce=s`
${n&&s`<button type="button" class="plain push" disabled=${y} onClick=${n}>${e("back")}</button>`}
<${I} class="secondary" busy=${m?.doing==="test"} disabled=${y} onClick=${()=>k("test")}>${e("connect.test")}<//>
<${I} type="submit" busy=${m?.doing==="save"} disabled=${y}>${e("connect.save")}<//>`;return s`<${j} title=${e("connect.one",{kind:e(`kind.${t}`)})} subtitle=${e(`kind.${t}_about`)} close=${o} busy=${y} onSubmit=${()=>k("save")} footer=${ce}>
<${J} problems=${h} />
<div class="fields">
${a.fields.map(_=>s`<div class=${_.narrow?"narrow-field":"wide-field"}><${Ce} ...${{field:_,type:t,values:r,set:p,problems:h}} /></div>`)}
</div>
${$&&s`<${Q} legend=${e("signin.how")} name="signin" value=${r.signIn} onChange=${_=>p("signIn",_)}
options=${[{value:"password",label:e("signin.password")},{value:"key",label:e("signin.key"),help:e("signin.key_help")}]} />`}
${l&&s`<${D} id=${M("password")} label=${e("field.password")} type="password" autocomplete="off" error=${h[M("password")]}
help=${e("help.password")} value=${r.password||""} onInput=${_=>p("password",_.target.value)} />`}
${g&&s`<${D} id=${M("key_file")} label=${e("field.key_file")} placeholder="~/.ssh/id_ed25519" autocomplete="off" error=${h[M("key_file")]}
value=${r.key_file||""} onInput=${_=>p("key_file",_.target.value)} />
<${D} label=${e("field.key_passphrase")} optional type="password" autocomplete="off" value=${r.key_passphrase||""} onInput=${_=>p("key_passphrase",_.target.value)} />`}
${$&&s`<${us} hostKey=${c} problem=${h[M("hostkey")]} busy=${y} fetching=${m?.doing==="key"} fetch=${V}
compared=${_=>f({...c,compared:_})} />`}
<${D} id=${M("name")} label=${e("field.name")} help=${e("help.name")} error=${h[M("name")]} value=${r.name} autocomplete="off" spellcheck="false"
onInput=${_=>p("name",_.target.value)} />
${a.more&&s`<details class="more"><summary>${e("connect.more")}</summary>
${a.more.map(_=>s`<${Ce} ...${{field:_,type:t,values:r,set:p,problems:h}} />`)}</details>`}
${(m?.doing==="test"||m?.doing==="save"||m?.steps)&&s`<${ae} running=${y} steps=${m.steps} />`}
${m?.good&&s`<${K} tone="good" icon="checkcircle"><p>${e("connect.tested")}</p><//>`}
<${x} error=${m?.error} />
<${E} command=${gt({...r,type:t,key_file:g&&(r.key_file||"FILE"),host_key:$&&(c?.fingerprint||"SHA256:…")})} />
<//>`}function us({hostKey:t,problem:n,busy:o,fetching:a,fetch:i,compared:r}){return s`<fieldset class="hostkey" id=${M("hostkey")} tabindex="-1">
<legend>${e("hostkey.title")}</legend>
${!t&&s`<p class="help">${e("hostkey.about")}</p>
<${I} class="secondary" icon="key" busy=${a} disabled=${o} onClick=${i}>${e("hostkey.fetch")}<//>`}
${t&&s`<p class="muted">${e("hostkey.shows")}</p>
<p><code class="fingerprint">${t.fingerprint}</code></p>
<p class="help">${e("hostkey.compare")} <code>ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub</code></p>
<${H} label=${e("trust.compared")} checked=${!!t.compared} onChange=${d=>r(d.target.checked)} />`}
${n&&s`<p class="field-error"><${B} name="alert" size="15" />${n}</p>`}
</fieldset>`}var ps=1e3;function et({attempt:t,title:n,type:o,again:a,done:i,close:r}){let[d,c]=u(""),[f,h]=u(""),[b,m]=u({status:t.mode==="paste"?"asking":"waiting"}),v=t.mode==="paste",p=b.status==="done"||b.status==="failed",$=O=>{m(O),O.status==="done"&&i(O)};S(()=>{if(p||v&&b.status==="asking")return;let O=setInterval(async()=>{try{$(await N(`/oauth/${z(t.state)}`))}catch(k){k.status!==0&&m({status:"failed",error:k})}},ps);return()=>clearInterval(O)},[p,b.status]);let g=async()=>{if(!(!v||b.status!=="asking")){if(!d.trim())return h(e("field.missing",{field:e("signin.code")}));h(""),m({status:"working"});try{$(await P("/oauth/finish",{state:t.state,code:d.trim()}))}catch(O){m({status:"failed",error:O,steps:O.data?.steps})}}},l=()=>{p||Be(`/oauth/${z(t.state)}`).catch(()=>{}),r()},y=e(o==="dropbox"?"kind.dropbox":"kind.google-drive"),T=t.mode==="device"&&t.verification_url||t.url;return s`<${j} title=${n} close=${l} onSubmit=${g}
footer=${s`${b.status==="failed"&&a&&s`<button type="button" class="secondary push" onClick=${a}>${e("signin.again")}</button>`}
<button type="button" class="secondary" onClick=${l}>${e("cancel")}</button>
${v&&!p&&s`<${I} type="submit" busy=${b.status==="working"}>${e("signin.finish")}<//>`}`}>
${t.mode&&!p&&s`<ol class="numbered">
<li><p>${e("signin.open_text",{where:y})}</p>
<a class="button" href=${T} target="_blank" rel="noopener noreferrer" data-autofocus role="button"><span>${e("signin.open",{where:y})}</span><${B} name="external" size="16" /></a></li>
${t.mode==="device"&&s`<li><p>${e("signin.type_code")}</p><p class="big-code"><code>${t.user_code}</code><${ge} text=${t.user_code} /></p></li>`}
${v&&s`<li><${D} label=${e("signin.paste_code")} help=${e("signin.paste_help")} error=${f} autocomplete="off" spellcheck="false" value=${d} onInput=${O=>c(O.target.value)} /></li>`}
${!v&&s`<li><p class="state tone-busy"><${B} name="refresh" class="spin" /><span aria-live="polite">${e(b.status==="working"?"signin.working":"signin.waiting")}</span></p></li>`}
</ol>`}
${!t.mode&&!p&&s`<p class="state tone-busy"><${B} name="refresh" class="spin" /><span>${e("signin.working")}</span></p>`}
${b.steps?.length>0&&s`<${ae} steps=${b.steps} />`}
${b.status==="done"&&s`<${K} tone="good" icon="checkcircle"><p>${e("signin.done")}</p><//>`}
<${x} error=${b.error} />
<//>`}var tt={dropbox:[{way:"paste",mode:"paste",asks:["app_key"]},{way:"refresh_token",asks:["app_key","refresh_token","app_secret"]},{way:"token",asks:["token"]}],"google-drive":[{way:"redirect",mode:"redirect",asks:["client"]},{way:"device",mode:"device",asks:["client"]},{way:"paste",mode:"paste",asks:["client"]},{way:"service_account",asks:["service_account"]}]},Nt=["app_secret"],Rt=["client","service_account"],qt=["app_key"],Y=t=>`cloud-${t}`;function At({type:t,existing:n,back:o,close:a}){let i=t==="dropbox"?"/ORACXPRED":"ORACXPRED",[r,d]=u({folder:i,name:n||qe(t,te.value.map(w=>w.name))}),[c,f]=u(tt[t][0].way),[h,b]=u({}),[m,v]=u(null),[p,$]=u(null),g=tt[t].find(w=>w.way===c),l=[...ee[t].fields,...ee[t].more],y=(w,A)=>d(oe=>({...oe,[w]:A})),T=!!m?.doing,O=()=>{let w={};for(let A of g.asks)!r[A]?.trim()&&!Nt.includes(A)&&!(n&&g.mode)&&(w[Y(A)]=e("field.missing",{field:e(`field.${A}`)}));for(let A of g.asks.filter(oe=>Rt.includes(oe)&&r[oe]?.trim()))try{JSON.parse(r[A])}catch{w[Y(A)]=e("field.json_rule")}return ye(r.name)?!n&&te.value.some(A=>A.name===r.name)&&(w[Y("name")]=e("field.name_taken")):w[Y("name")]=e("field.name_rule"),b(w),Object.keys(w).length===0},k=async()=>{await G().catch(()=>{}),R(e(ke.value>0&&!n?"connect.done_copying":"connect.done",{name:r.name})),a(r.name)},V=async()=>{let w={mode:g.mode};n||Object.assign(w,{type:t,settings:pe(l,r)}),r.app_key?.trim()&&(w.app_key=r.app_key.trim()),r.client?.trim()&&(w.client=r.client.trim()),$(await P(`/providers/${z(r.name)}/oauth/start`,w)),v(null)},ce=async()=>{let w=pe(l,r),A={};for(let oe of g.asks)r[oe]?.trim()&&((qt.includes(oe)?w:A)[oe]=r[oe].trim());n?await Te(`/providers/${z(n)}`,{secrets:A,test:!0}):await P("/providers",{name:r.name,type:t,settings:w,secrets:A,enabled:!0,test:!0}),await k()},_=async()=>{if(O()){v({doing:!0});try{await(g.mode?V():ce())}catch(w){v({error:w,steps:w.data?.steps})}}},q=e(n?"connect.again":"connect.one",{kind:e(`kind.${t}`),name:n});if(p)return s`<${et} key=${p.state} attempt=${p} title=${q} type=${t} again=${()=>$(null)} done=${k} close=${a} />`;let he=w=>s`<${D} id=${Y(w)} label=${e(`field.${w}`)} help=${e(`help.${w}`)} error=${h[Y(w)]} optional=${Nt.includes(w)}
type=${qt.includes(w)?"text":"password"} autocomplete="off" spellcheck="false" value=${r[w]||""} onInput=${A=>y(w,A.target.value)} />`;return s`<${j} title=${q} subtitle=${e(`kind.${t}_about`)} close=${a} busy=${T} onSubmit=${_}
footer=${s`${o&&s`<button type="button" class="plain push" onClick=${o}>${e("back")}</button>`}
<button type="button" class="secondary" disabled=${T} onClick=${()=>a()}>${e("cancel")}</button>
<${I} type="submit" busy=${T}>${e(g.mode?"signin.begin":"connect.save")}<//>`}>
<${J} problems=${h} />
<${Q} legend=${e("signin.how")} name="way" value=${c} onChange=${w=>(f(w),v(null),b({}))}
options=${tt[t].map(w=>({value:w.way,label:e(`way.${t}.${w.way}`),help:e(`way.${t}.${w.way}_help`)}))} />
${c==="token"&&s`<${K} tone="warn" icon="alert"><p>${e("signin.short_lived")}</p><//>`}
${g.asks.map(w=>Rt.includes(w)?s`<${ms} key=${w} name=${w} value=${r[w]} problem=${h[Y(w)]} set=${A=>y(w,A)} />`:he(w))}
${!n&&s`<div class="fields">
<div><${D} id=${Y("folder")} label=${e("field.folder")} help=${e("help.folder")} value=${r.folder} onInput=${w=>y("folder",w.target.value)} /></div>
<div><${D} id=${Y("name")} label=${e("field.name")} help=${e("help.name")} error=${h[Y("name")]} value=${r.name} spellcheck="false" onInput=${w=>y("name",w.target.value)} /></div>
</div>`}
${!n&&s`<details class="more"><summary>${e("connect.more")}</summary>${ee[t].more.map(w=>s`<${Ce} ...${{field:w,type:t,values:r,set:y,problems:h}} />`)}</details>`}
${(m?.steps?.length>0||T&&!g.mode)&&s`<${ae} running=${T} steps=${m.steps} />`}
<${x} error=${m?.error} />
<${E} command=${C(t,...n?["connect"]:[],"--name",r.name,...n?[]:["--folder",r.folder])} />
<//>`}function ms({name:t,value:n,problem:o,set:a}){let i=async r=>{let d=r.target.files[0];d&&a(await d.text())};return s`<div class="json-field">
<${D} id=${Y(t)} label=${e(`field.${t}`)} help=${e(`help.${t}`)} error=${o}>
${r=>s`<textarea ...${r} rows="3" spellcheck="false" autocomplete="off" placeholder='{ "installed": { … } }' value=${n||""} onInput=${d=>a(d.target.value)}></textarea>`}
<//>
<label class="file-button"><input type="file" accept=".json,application/json" class="visually-hidden" onChange=${i} /><span>${e("field.choose_file")}</span></label>
</div>`}function fs({type:t,existing:n,close:o}){let[a,i]=u(t),r=t?void 0:()=>i(void 0);return a?Re(a)?s`<${At} key=${a} type=${a} existing=${n} back=${r} close=${o} />`:s`<${zt} key=${a} type=${a} back=${r} close=${o} />`:s`<${hs} choose=${i} close=${o} />`}function hs({choose:t,close:n}){return s`<${j} title=${e("connect.title")} subtitle=${e("connect.about")} kind="wide" close=${n}>
<div class="tiles">
${["google-drive","dropbox","sftp","ftp","local"].filter(o=>ee[o]).map(o=>s`<button type="button" class="tile" onClick=${()=>t(o)}>
<span class=${`kind-icon kind-${o}`}><${B} name=${pt[o]} size="22" /></span>
<span><strong>${e(`kind.${o}`)}</strong><span class="help">${e(`kind.${o}_about`)}</span></span>
<${B} name="chevron" class="tile-arrow" />
</button>`)}
</div>
<//>`}function bs({code:t,close:n}){let[o,a]=u(null),[i,r]=u(null);S(()=>{N(U("/explain",{code:t})).then(a,r)},[]);let d=be(`code.${t}_next`)?e(`code.${t}_next`):o?.next;return s`<${j} title=${be(`code.${t}`)?e(`code.${t}`):t} subtitle=${t} close=${n}
footer=${s`<button type="button" data-autofocus onClick=${()=>n()}>${e("close")}</button>`}>
${be(`code.${t}_why`)&&s`<p>${e(`code.${t}_why`)}</p>`}
${d&&s`<p><strong>${e("error.next")}</strong> ${d}</p>`}
<${x} error=${i} />
<${E} command=${C("explain",t)} />
<//>`}var vs=[["s","keys.sync"],["/","keys.search"],["g o","nav.overview"],["g p","nav.providers"],["g b","nav.backups"],["g a","nav.activity"],["g s","nav.settings"],["?","keys.help"],["Esc","keys.close"],["↑ ↓ ← →","keys.grid"]];function gs({close:t}){return s`<${j} title=${e("keys.title")} close=${t}
footer=${s`<button type="button" data-autofocus onClick=${()=>t()}>${e("close")}</button>`}>
<dl class="keys-list">
${vs.map(([n,o])=>s`<div><dt>${n.split(" ").map(a=>s`<kbd>${a}</kbd> `)}</dt><dd>${e(o)}</dd></div>`)}
</dl>
<${H} label=${e("keys.on")} help=${e("keys.on_help")} checked=${Ct.value} onChange=${n=>St(n.target.checked)} />
<p class="muted">oracxfs ${kt.value?.version}</p>
<//>`}var st=200;function ys({backup:t,paths:n,close:o}){let[a,i]=u({to:"",from:"",overwrite:"never",passphrase:""}),[r,d]=u({}),[c,f]=u(null),h=($,g)=>i(l=>({...l,[$]:g})),b=async $=>{let g=a.to.trim()?{}:{"restore-to":e("field.missing",{field:e("restore.to")})};if(d(g),!(Object.keys(g).length>0)){f({doing:$?"dry":"real"});try{let l={to:a.to.trim(),overwrite:a.overwrite,verify:!0,dry_run:$};n.length>0&&(l.paths=n),a.from&&(l.from=a.from),a.passphrase&&(l.passphrase=a.passphrase);let{task:y}=await P(`/backups/${z(t.name)}/restore`,l),T=await xt(y);f({task:T,dry:$,error:T.error})}catch(l){f({error:l})}}},m=!!c?.doing,v=c?.task&&!c.error,p=n.length===0?e("restore.everything"):e("restore.some",{n:n.length});return s`<${j} title=${e("restore.title",{time:W(t.time)})} subtitle=${p} close=${o} busy=${m} onSubmit=${()=>b(!1)}
footer=${s`<button type="button" class="secondary push" disabled=${m} onClick=${()=>o()}>${e(v&&!c.dry?"close":"cancel")}</button>
<${I} class="secondary" busy=${c?.doing==="dry"} disabled=${m} onClick=${()=>b(!0)}>${e("restore.dry")}<//>
<${I} type="submit" busy=${c?.doing==="real"} disabled=${m}>${e("restore.now")}<//>`}>
<${J} problems=${r} />
${n.length>0&&s`<ul class="chips">${n.slice(0,8).map($=>s`<li><code>${$}</code></li>`)}${n.length>8&&s`<li>+ ${n.length-8}</li>`}</ul>`}
<${xe} id="restore-to" label=${e("restore.to")} help=${e("restore.to_help")} placeholder="/srv/restored" error=${r["restore-to"]} value=${a.to} choose=${$=>h("to",$)} />
<div class="fields">
<div><${D} label=${e("restore.from")}>${$=>s`<select ...${$} value=${a.from} onChange=${g=>h("from",g.target.value)}>
<option value="">${e("restore.fastest")}</option>
${t.replicas.filter(g=>g.state==="verified").map(g=>s`<option value=${g.provider}>${g.provider}</option>`)}
</select>`}<//></div>
${t.encrypted&&s`<div><${D} label=${e("field.passphrase")} help=${e("restore.passphrase_help")} optional type="password" autocomplete="off" value=${a.passphrase} onInput=${$=>h("passphrase",$.target.value)} /></div>`}
</div>
<${Q} legend=${e("restore.overwrite")} name="overwrite" value=${a.overwrite} onChange=${$=>h("overwrite",$)}
options=${["never","if-newer","always"].map($=>({value:$,label:e(`restore.overwrite_${$}`)}))} />
<div aria-live="polite">
${m&&s`<p class="state tone-busy"><${B} name="refresh" class="spin" /><span>${e("task.running")}</span></p>`}
${v&&s`<${K} tone=${c.dry?"quiet":"good"} icon=${c.dry?"eye":"checkcircle"}><p>${e(c.dry?"restore.dry_done":"restore.done",{to:a.to})}</p><//>`}
</div>
${v&&c.task.rows?.length>0&&s`<ul class="rows scroll" tabindex="0" aria-label=${e("restore.rows")}>
${c.task.rows.slice(0,st).map($=>s`<li><code>${$.path||$.name}</code><span class="muted">${[$.action||$.outcome||$.state,$.size===void 0?"":L($.size)].filter(Boolean).join(" · ")}</span></li>`)}
${c.task.rows.length>st&&s`<li class="muted">+ ${c.task.rows.length-st}</li>`}
</ul>`}
<${x} error=${c?.error} />
<${E} command=${C("backups","restore",Z(t.name),...n,"--to",a.to||"DIR",...a.from?["--from",a.from]:[],...a.overwrite==="never"?[]:["--overwrite",a.overwrite])} />
<//>`}function ks({name:t,close:n}){let[o,a]=u(null),[i,r]=u({}),[d,c]=u({}),[f,h]=u(null);S(()=>{N(`/providers/${z(t)}`).then(O=>{a(O),r({...O.settings,name:t})},O=>h({error:O}))},[]);let b=(O,k)=>r(V=>({...V,[O]:k})),{type:m}=o||{},v=ee[m]||{fields:[],secrets:[]},p=[...v.fields,...v.more||[],...m==="local"?[]:vt],$=m==="sftp"||m==="ftp",g=o?.secrets?.password?.set?e("secret.set",{hint:o.secrets.password.hint||""}):e("secret.not_set"),l=()=>{let O={},k=pe(p,i);for(let{key:ce}of p){let _=o.settings[ce]??null,q=k[ce]??null;String(_??"")!==String(q??"")&&(O[ce]=q)}let V={test:o.enabled};return Object.keys(O).length>0&&(V.settings=O),i.password&&(V.secrets={password:i.password}),i.name!==t&&(V.name=i.name),V},y=async()=>{if(!o)return;let O={};ye(i.name)||(O["connect-name"]=e("field.name_rule"));for(let k of p)k.required&&!String(i[k.key]??"").trim()&&(O[`connect-${k.key}`]=e("field.missing",{field:e(`field.${k.key}`)}));if(c(O),!(Object.keys(O).length>0)){h({doing:!0});try{await Te(`/providers/${z(t)}`,l()),await G().catch(()=>{}),R(e("provider.saved",{name:i.name})),n(!0)}catch(k){h({error:k,steps:k.data?.steps})}}},T=!!f?.doing;return s`<${j} title=${e("provider.settings_title",{name:t})} subtitle=${m&&e(`kind.${m}`)} close=${n} busy=${T} onSubmit=${y}
footer=${s`<button type="button" class="secondary" disabled=${T} onClick=${()=>n()}>${e("cancel")}</button>
<${I} type="submit" busy=${T} disabled=${!o}>${e("save")}<//>`}>
${!o&&!f?.error&&s`<${F} lines="5" />`}
<${J} problems=${d} />
${o&&s`
<div class="fields">${p.map(O=>s`<div class=${O.narrow?"narrow-field":"wide-field"}><${Ce} ...${{field:{...O,fallback:void 0},type:m,values:i,set:b,problems:d}} /></div>`)}</div>
${$&&s`<${D} label=${e("field.new_password")} optional help=${g} type="password" autocomplete="off" value=${i.password||""} onInput=${O=>b("password",O.target.value)} />`}
${Re(m)&&s`<p class="help">${e("provider.sign_in_elsewhere")}</p>`}
<${D} id="connect-name" label=${e("field.name")} help=${e("help.name")} error=${d["connect-name"]} value=${i.name} spellcheck="false" autocomplete="off" onInput=${O=>b("name",O.target.value)} />
${(f?.steps||T&&o.enabled)&&s`<${ae} running=${T} steps=${f.steps} />`}
<${E} command=${C("config","set",`providers.${t}.KEY`,"VALUE")} />`}
<${x} error=${f?.error} />
<//>`}function ws({row:t}){let n=t.state||(t.ok===!1?"failed":"done"),o=t.error&&(typeof t.error=="string"?t.error:t.error.message);return s`<li>
<strong>${t.provider||t.path||t.name}</strong>
<${X} state=${n} small />
${o&&s`<span class="muted">${o}</span>`}
</li>`}function _s({kind:t,backup:n,begin:o,command:a,close:i}){let[r,d]=u(null),[c,f]=u(null);S(()=>{o().then(b=>{d(b),b.error&&f(b.error)},f)},[]);let h=!r&&!c;return s`<${j} title=${e(`task.${t}_title`,{time:W(n.time)})} subtitle=${e(`task.${t}_about`)} close=${i}
footer=${s`<button type="button" data-autofocus onClick=${()=>i()}>${e(h?"task.background":"close")}</button>`}>
<div aria-live="polite">
${h&&s`<p class="state tone-busy"><${B} name="refresh" class="spin" /><span>${e("task.running")}</span></p>`}
${r&&!c&&s`<p class="state tone-good"><${B} name="checkcircle" /><strong>${e(`task.${t}_done`)}</strong></p>`}
</div>
${r?.rows?.length>0&&s`<ul class="rows">${r.rows.map(b=>s`<${ws} row=${b} />`)}</ul>`}
<${x} error=${c} />
<${E} command=${a} />
<//>`}function xs({name:t,close:n}){let[o,a]=u(null),[i,r]=u(!1),[d,c]=u(null),[f,h]=u(!1),b=`/providers/${z(t)}/trust-host`;S(()=>{P(b,{}).then(a,c)},[]);let m=async()=>{if(!(!i||!o)){h(!0),c(null);try{await P(b,{fingerprint:o.offered}),R(e("trust.done",{name:t})),await G(),n(!0)}catch(p){c(p),h(!1)}}},v=o&&o.known===o.offered;return s`<${j} title=${e("trust.title",{name:t})} subtitle=${e("trust.about")} close=${n} busy=${f} onSubmit=${m}
footer=${s`<button type="button" class="secondary" disabled=${f} onClick=${()=>n()}>${e("cancel")}</button>
<${I} type="submit" class="danger" busy=${f} disabled=${!i||!o}>${e("trust.accept")}<//>`}>
${!o&&!d&&s`<${F} />`}
${o&&s`
<dl class="facts keys">
<dt>${e("trust.known")}</dt><dd><code>${o.known||e("trust.none")}</code></dd>
<dt>${e("trust.offered")}</dt><dd><code class=${v?"":"differs"}>${o.offered}</code></dd>
</dl>
${v?s`<${K} tone="good" icon="checkcircle"><p>${e("trust.same")}</p><//>`:s`<${K} tone="warn" icon="alert"><p>${e("trust.warning")}</p><//>`}
<p>${e("trust.how")}</p>
<${E} label=${!1} command="ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" />
<${H} label=${e("trust.compared")} checked=${i} onChange=${p=>r(p.target.checked)} data-autofocus />
<${E} command=${C("config","set",`providers.${t}.host_key`,o.offered)} />`}
<${x} error=${d} />
<//>`}function ot({run:t,brief:n}){let o=(a,i)=>i!=null&&i!==""&&s`<dt>${e(`run_fact.${a}`)}</dt><dd>${i}</dd>`;return s`<div class="run-result">
<p><${X} state=${t.state} kind="run" /> <span class="muted">${t.run} · <span title=${ue(t.started)}>${W(t.started)}</span></span></p>
${t.error&&s`<p class="tone-bad-text">${t.error} ${t.code&&s`<button type="button" class="link" onClick=${()=>Dt(t.code)}>${t.code}</button>`}</p>`}
<dl class="facts wide-facts">
${!n&&o("package",t.package&&s`<a href=${Ae("backups",t.package)}>${t.package}</a>`)}
${o("took",t.took_ms!==void 0&&`${ve(t.took_ms)}${t.rate?` · ${ze(t.rate)}`:""}`)}
${o("packed",t.bytes_out>0&&e("run.packed_into",{from:L(t.bytes_in),to:L(t.bytes_out),members:de(t.members||0)}))}
${o("label",t.label)}
${o("removed",t.removed?.length>0&&t.removed.join(", "))}
</dl>
${t.providers?.length>0&&s`<ul class="rows">${t.providers.map(a=>s`<li><strong>${a.provider}</strong><${X} state=${a.state} small />
${a.attempts>1&&s`<span class="muted">${e("transfer.attempt",{n:a.attempts})}</span>`}${a.error&&s`<span class="tone-bad-text">${a.error}</span>`}</li>`)}</ul>`}
${(t.problems?.length||0)>0&&s`<details><summary>${e("run.problems",{n:t.problems.length})}</summary><ul class="rows">${t.problems.map(a=>s`<li><code>${a.path||a.name||a.what}</code><span class="muted">${a.why||""}</span></li>`)}</ul></details>`}
</div>`}function Mt({name:t,close:n}){let[o,a]=u(null),[i,r]=u(null);return S(()=>{N(`/runs/${z(t)}`).then(a,r)},[t]),s`<${j} kind="wide" title=${e("run.one",{name:t})} subtitle=${o&&e(`run_kind.${o.kind==="prune"?"prune":"backup"}`)} close=${n}
footer=${s`<button type="button" data-autofocus onClick=${()=>n()}>${e("close")}</button>`}>
${!o&&!i&&s`<${F} />`}
${o&&s`<${ot} run=${o} />`}
<${x} error=${i} />
<//>`}var Cs=1e3,Lt=["info","warning","error"],Kt=(t,{provider:n,level:o,text:a})=>(!n||t.provider===n||(t.providers||[]).includes(n))&&(!o||Lt.indexOf(t.level)>=Lt.indexOf(o))&&(!a||`${t.message} ${t.path||""} ${t.code||""} ${t.provider||""}`.toLowerCase().includes(a.toLowerCase()));function Ss(){let{detail:t}=fe.value,[n,o]=u({provider:"",level:"",text:""}),[a,i]=u([]),[r,d]=u(void 0),[c,f]=u(null),[h,b]=u(null),[m,v]=u(!1),p=(k,V)=>o({...n,[k]:V}),$={provider:n.provider,level:n.level};S(()=>{i([]),d(void 0),Ge($).then(k=>{i(k.list),d(k.older)},b)},[n.provider,n.level]),S(()=>{if(!t)return;let k=!0;return le(({close:V})=>s`<${Mt} name=${t} close=${V} />`).then(()=>k&&we("activity")),()=>{k=!1,Ne()}},[t]);let g=new Set,l=[..._t.value||[],...a].filter(k=>!g.has(k.seq)&&g.add(k.seq)).sort((k,V)=>V.seq-k.seq),y=c===null?0:l.filter(k=>k.seq>c&&Kt(k,n)).length,T=l.filter(k=>Kt(k,n)&&(c===null||k.seq<=c)).slice(0,Cs),O=async()=>{v(!0);try{let k=await Ge($,r);i([...a,...k.list]),d(k.older)}catch(k){b(k)}v(!1)};return s`
<div class="page-head"><div><h1 tabindex="-1">${e("nav.activity")}</h1><p class="muted">${e("activity.about")}</p></div>
<div class="page-actions"><${E} command=${C("log","-f")} /></div></div>
<section aria-labelledby="runs-title"><h2 id="runs-title">${e("activity.runs")}</h2><div class="card flush"><${Es} /></div></section>
<section aria-labelledby="log-title">
<div class="section-head"><h2 id="log-title">${e("activity.log")}</h2>
${yt.value==="live"&&c===null&&s`<span class="live-sign"><span class="dot"></span>${e("activity.live")}</span>`}</div>
<div class="filters" role="search" aria-label=${e("filter.title")}>
<label class="search"><span class="visually-hidden">${e("activity.search")}</span><${B} name="search" size="16" /><input type="search" placeholder=${e("activity.search")} value=${n.text} onInput=${k=>p("text",k.target.value)} /></label>
<label class="filter"><span>${e("filter.provider")}</span><select value=${n.provider} onChange=${k=>p("provider",k.target.value)}><option value="">${e("filter.all")}</option>${te.value.map(({name:k})=>s`<option value=${k}>${k}</option>`)}</select></label>
<label class="filter"><span>${e("filter.level")}</span><select value=${n.level} onChange=${k=>p("level",k.target.value)}><option value="">${e("filter.all")}</option><option value="warning">${e("level.warning_up")}</option><option value="error">${e("level.error")}</option></select></label>
<div class="push row-actions"><button type="button" class="small secondary" aria-pressed=${c!==null} onClick=${()=>f(c===null?l[0]?.seq??0:null)}><${B} name=${c===null?"pause":"play"} size="15" /><span>${c===null?e("activity.pause"):e("activity.resume",{n:y})}</span></button>
<a class="button small secondary" role="button" href=${`${ne}${U("/activity",{limit:1e3,...$})}`} download="oracxfs-activity.json"><${B} name="download" size="15" /><span>${e("activity.download")}</span></a></div>
</div>
<${x} error=${h} />
<div class="card flush">
${l.length===0&&!h&&r===void 0&&s`<${F} lines="6" />`}
${T.length===0&&(r!==void 0||l.length>0)&&s`<p class="muted empty">${e("activity.none")}</p>`}
<ol class="events" aria-label=${e("activity.log")}>${T.map(k=>s`<${Ve} key=${k.seq} event=${k} />`)}</ol>
</div>
${typeof r=="number"&&s`<p class="row-actions"><${I} class="secondary small" busy=${m} onClick=${O}>${e("activity.older")}<//></p>`}
</section>`}function Es(){let[t,n]=u(6),o=Ie.value;return o?o.length===0?s`<p class="muted empty">${e("activity.no_runs")}</p>`:s`<table class="runs"><thead><tr><th scope="col">${e("run_fact.started")}</th><th scope="col">${e("run_fact.result")}</th><th scope="col" class="copies-column">${e("copies.copies")}</th><th scope="col" class="number">${e("copies.size")}</th><th scope="col" class="number took">${e("run_fact.took")}</th><th scope="col"><span class="visually-hidden">${e("run.details")}</span></th></tr></thead>
<tbody>${o.slice(0,t).map(a=>s`<tr key=${a.run}>
<td title=${ue(a.started)}>${W(a.started)}${a.kind==="prune"?s` <span class="tag">${e("run_kind.prune")}</span>`:""}</td>
<td><${X} state=${a.state} kind="run" small /></td>
<td class="copies-column">${a.wanted?e("fact.copies_of",{verified:a.verified,wanted:a.wanted}):"–"}</td>
<td class="number">${a.bytes_out?L(a.bytes_out):"–"}</td><td class="number took">${a.took_ms===void 0?"–":ve(a.took_ms)}</td>
<td class="number"><button type="button" class="link" onClick=${()=>we("activity",a.run)}>${e("run.details")}<span class="visually-hidden"> ${a.run}</span></button></td></tr>`)}</tbody></table>
${o.length>t&&s`<p class="row-actions table-foot"><button type="button" class="small plain" onClick=${()=>n(t+20)}>${e("activity.more_runs")}</button></p>`}`:s`<${F} />`}var Oe=100,We=class{constructor(){this.rows=Pe(new Map),this.total=Pe(null),this.error=Pe(null),this.filter={},this.round=0,this.seen={first:0,last:0},this.fetched=new Set}async load(n,o){this.round+=1,this.filter=n,this.fetched.clear(),o||(this.rows.value=new Map,this.total.value=null,this.seen={first:0,last:0}),await this.need(this.seen.first,this.seen.last)}async need(n,o){this.seen={first:n,last:o};let a=[];for(let i=Math.floor(n/Oe);i<=Math.floor(o/Oe);++i)this.fetched.has(i)||a.push(i);await Promise.all(a.map(i=>this.fetch(i)))}async fetch(n){let{round:o}=this;this.fetched.add(n);try{let a=await N(U("/backups",{...this.filter,limit:Oe,offset:n*Oe}));if(o!==this.round)return;let i=new Map(this.rows.value);a.backups.forEach((d,c)=>i.set(n*Oe+c,d));let r=a.matching??a.total;for(let d of i.keys())d>=r&&i.delete(d);this.rows.value=i,this.total.value=r,this.error.value=null}catch(a){if(o!==this.round)return;this.fetched.delete(n),this.error.value=a}}};var Bs=200,Se=t=>t.replace(/\/$/,"").split("/").pop();function Ds(t,n,o){let[a,i]=u({files:null,next:null,count:0,error:null}),r=c=>N(U(`/backups/${z(t)}/files`,{path:n,q:o,limit:Bs,cursor:c}));return S(()=>{let c=!0,f=setTimeout(async()=>{try{let h=await r("");c&&i({files:h.files,next:h.next,count:h.count,error:null})}catch(h){c&&i({files:null,next:null,count:0,error:h})}},o?250:0);return()=>{c=!1,clearTimeout(f)}},[t,n,o]),{...a,more:async()=>{let c=await r(a.next);i({...a,files:[...a.files,...c.files],next:c.next})}}}function Vt({backup:t}){let[n,o]=u(""),[a,i]=u(""),[r,d]=u([]),{files:c,next:f,count:h,error:b,more:m}=Ds(t.name,n,a.trim()),v=n?n.replace(/\/$/,"").split("/"):[],p=l=>{o(l),i(""),document.getElementById("files-here")?.focus()},$=(l,y)=>d(y?[...r,l]:r.filter(T=>T!==l)),g=l=>`${ne}${U(`/backups/${z(t.name)}/file`,l.name_b64?{path_b64:l.name_b64}:{path:l.name})}`;return s`
<div class="files-bar">
<nav class="crumbs" aria-label=${e("files.where")}><button type="button" class="link" id="files-here" onClick=${()=>p("")}>${e("files.root")}</button>
${v.map((l,y)=>s`<span aria-hidden="true">/</span><button type="button" class="link" onClick=${()=>p(v.slice(0,y+1).join("/"))}>${l}</button>`)}</nav>
<label class="search"><span class="visually-hidden">${e("files.search")}</span><${B} name="search" size="16" />
<input type="search" placeholder=${e("files.search")} value=${a} onInput=${l=>i(l.target.value)} /></label>
</div>
<${x} error=${b} />
${!c&&!b&&s`<${F} lines="5" />`}
${c?.length===0&&s`<p class="muted empty">${e(a?"files.nothing":"files.empty")}</p>`}
${c?.length>0&&s`<table class="files">
<thead><tr><th scope="col"><span class="visually-hidden">${e("files.choose")}</span></th><th scope="col">${e("files.name")}</th><th scope="col" class="number">${e("copies.size")}</th><th scope="col" class="date">${e("files.changed")}</th><th scope="col"><span class="visually-hidden">${e("files.actions")}</span></th></tr></thead>
<tbody>${c.map(l=>s`<tr key=${l.name}>
<td><label class="tick"><input type="checkbox" checked=${r.includes(l.name)} onChange=${y=>$(l.name,y.target.checked)} /><span class="visually-hidden">${e("files.choose_one",{name:Se(l.name)})}</span></label></td>
<td class="file-name"><${B} name=${l.kind==="folder"?"folder":"file"} size="17" />
${l.kind==="folder"?s`<button type="button" class="link" onClick=${()=>p(l.name.replace(/\/$/,""))}>${Se(l.name)}</button>`:s`<span title=${l.name}>${a?l.name:Se(l.name)}</span>`}
${l.encrypted&&s`<${B} name="lock" size="14" /><span class="visually-hidden">${e("files.encrypted")}</span>`}</td>
<td class="number">${l.kind==="folder"?"":L(l.size)}</td>
<td class="date muted">${l.mtime?W(l.mtime):""}</td>
<td class="number">${l.kind==="file"&&!l.refused&&!l.encrypted&&s`<a class="icon-link" href=${g(l)} download=${Se(l.name)} aria-label=${e("files.download",{name:Se(l.name)})} title=${e("files.download",{name:Se(l.name)})}><${B} name="download" size="17" /></a>`}</td>
</tr>`)}</tbody>
</table>
<p class="row-actions">${f&&s`<${I} class="small secondary" onClick=${m}>${e("files.more",{shown:c.length,n:h})}<//>`}</p>`}
<div class=${`files-foot${r.length>0?" some":""}`}>
<span role="status">${r.length>0?e("files.chosen",{n:r.length}):e("files.hint")}</span>
${r.length>0&&s`<button type="button" class="small plain" onClick=${()=>d([])}>${e("files.none")}</button>
<button type="button" class="small" onClick=${()=>Me(t,r)}>${e("files.restore")}</button>`}
</div>
<${E} command=${r.length>0?C("backups","restore",Z(t.name),...r.slice(0,3),"--to","DIR"):C("backups","files",Z(t.name),n)} />`}var Ee=["files","copies","manifest","log"];function Wt({name:t,close:n}){let[o,a]=u(null),[i,r]=u(null),[d,c]=u("files"),f=()=>N(`/backups/${z(t)}`).then(a,r);S(()=>{f()},[t,me.value]);let h=o?e("backup.title",{time:W(o.time)}):t;return s`<${j} kind="drawer" title=${h} subtitle=${t} close=${n}>
${!o&&!i&&s`<${F} lines="6" />`}
<${x} error=${i} />
${o&&s`
<div class="drawer-facts">
<span><strong>${L(o.size)}</strong>${o.members?s` · ${e("backup.members",{n:o.members})}`:""}</span>
<span class="hash"><code title=${o.sha256}>sha256 ${o.sha256?.slice(0,8)}…${o.sha256?.slice(-6)}</code>${o.sha256&&s`<${ge} text=${o.sha256} />`}</span>
<${X} state=${o.copies.verified===o.copies.wanted?"verified":"partial"} kind=${o.copies.verified===o.copies.wanted?"state":"run"} small>${e("copies.some_verified",o.copies)}<//>
</div>
<div class="drawer-actions">
<a class="button small" role="button" href=${`${ne}/backups/${z(t)}/download`} download><${B} name="download" size="16" /><span>${e("backup.download")}</span></a>
<button type="button" class="small secondary" onClick=${()=>Me(o)}>${e("backup.restore_all")}</button>
<button type="button" class="small secondary" onClick=${()=>Le(o,!o.pinned).then(f)} aria-pressed=${o.pinned?"true":"false"}><${B} name="pin" size="15" /><span>${e(o.pinned?"backup.unpin":"backup.pin")}</span></button>
<${bt} label=${e("backup.more")} class="small secondary" items=${[{label:e("backup.verify"),icon:"checkcircle",cli:C("backups","verify",Z(t)),run:()=>Ye(o)},{label:e("backup.repair"),icon:"wrench",cli:C("backups","repair",Z(t)),run:()=>Ke(o)},{label:e(o.pinned?"backup.unpin":"backup.pin"),icon:"pin",cli:C("backups",o.pinned?"unpin":"pin",Z(t)),run:()=>Le(o,!o.pinned).then(f)},{label:e("backup.delete"),icon:"trash",danger:!0,cli:C("backups","delete",Z(t)),run:async()=>await Bt(o)&&n()}]} />
</div>
<${Is} tab=${d} choose=${c} />
<div class="tab-panel" role="tabpanel" id="backup-panel" aria-labelledby=${`tab-${d}`}>
${d==="files"&&s`<${Vt} backup=${o} />`}
${d==="copies"&&s`<${Os} backup=${o} />`}
${d==="manifest"&&s`<${Fs} backup=${o} load=${f} />`}
${d==="log"&&s`<${Ps} backup=${o} />`}
</div>`}
<//>`}function Is({tab:t,choose:n}){let o=at(null);return s`<div class="tabs" role="tablist" ref=${o} onKeyDown=${i=>{let r=Ee.indexOf(t),d={ArrowRight:r+1,ArrowLeft:r-1,Home:0,End:Ee.length-1}[i.key];if(d===void 0)return;i.preventDefault();let c=Ee[(d+Ee.length)%Ee.length];n(c),o.current.querySelector(`#tab-${c}`).focus()}}>
${Ee.map(i=>s`<button type="button" role="tab" id=${`tab-${i}`} aria-selected=${i===t?"true":"false"} aria-controls="backup-panel" tabindex=${i===t?0:-1} onClick=${()=>n(i)}>${e(`tab.${i}`)}</button>`)}
</div>`}function Os({backup:t}){let n=o=>`${ne}${U(`/backups/${z(t.name)}/download`,{from:o})}`;return s`<ul class="copies-list">
${t.replicas.map(o=>s`<li>
<div class="copy-line"><strong>${o.provider}</strong><${X} state=${o.state} small /></div>
<p class="muted">${o.verified_at?s`<span title=${ue(o.verified_at)}>${e("copies.verified_at",{time:$e(o.verified_at)})}</span>`:e("copies.not_verified")}${o.error?s`<br />${typeof o.error=="string"?o.error:o.error.message}`:""}</p>
<div class="copy-actions">
${o.state==="verified"&&s`<a class="button small secondary" role="button" href=${n(o.provider)} download>${e("copies.download_here")}</a>`}
${It(o)&&s`<button type="button" class="small" onClick=${()=>Ke(t)}>${e("backup.repair")}</button>`}
</div>
</li>`)}
</ul>
<div class="row-actions"><button type="button" class="small secondary" onClick=${()=>Ye(t)}>${e("backup.verify")}</button>
<button type="button" class="small secondary" onClick=${()=>Ke(t)}>${e("backup.repair")}</button></div>
<${E} command=${C("backups","show",Z(t.name))} />`}function Fs({backup:t,load:n}){let[o,a]=u(t.label||""),{run:i}=t,r=(d,c)=>c!=null&&c!==""&&s`<dt>${e(`manifest.${d}`)}</dt><dd>${c}</dd>`;return s`<dl class="facts wide-facts">
${r("name",s`<code>${t.name}</code>`)}
${r("made",ue(t.time))}
${r("size",`${L(t.size)} (${e("manifest.bytes",{n:t.size})})`)}
${r("before",t.bytes_in&&`${L(t.bytes_in)} (${e("manifest.ratio",{percent:de(100*t.size/t.bytes_in)})})`)}
${r("members",t.members&&de(t.members))}
${r("encrypted",e(t.encrypted?"yes_aes":"no"))}
${r("sha256",s`<code class="breakable">${t.sha256}</code>`)}
${r("took",i?.took_ms&&`${ve(i.took_ms)}${i.rate?` · ${ze(i.rate)}`:""}`)}
${r("kept",t.pinned?e("manifest.pinned"):(t.kept_because||[]).join(" · "))}
${r("goes",t.fate==="remove"?(t.removed_because||[]).join(" · "):"")}
${t.ours===!1&&r("foreign",e("manifest.foreign_text"))}
</dl>
<form class="inline-form" onSubmit=${d=>(d.preventDefault(),Le(t,t.pinned,o).then(n))}>
<${D} label=${e("manifest.label")} help=${e("manifest.label_help")} maxlength="80" value=${o} onInput=${d=>a(d.target.value)} />
<button type="submit" class="small secondary">${e("save")}</button>
</form>`}function Ps({backup:t}){let[n,o]=u(null),[a,i]=u(null);return S(()=>{N(U("/activity",{path:t.name,limit:100})).then(r=>o([...r.events].reverse()),i)},[me.value]),s`
${t.run&&s`<${ot} run=${t.run} brief />`}
<${x} error=${a} />
${!n&&!a&&s`<${F} />`}
${n?.length===0&&s`<p class="muted">${e("activity.none")}</p>`}
${n?.length>0&&s`<ol class="events">${n.map(r=>s`<${Ve} key=${r.seq} event=${r} brief />`)}</ol>`}
<${E} command=${C("log","--path",t.name)} />`}var Ht={"7d":7,"30d":30,"365d":365},js=["verified","queued","uploading","stored","missing","damaged","failed"],Jt=t=>Object.fromEntries(new URLSearchParams(t));function Ts(){let{detail:t,part:n}=fe.value,[o,a]=u(()=>Jt(t?"":n)),i=ft(null);i.value||(i.value=new We);let r=i.value;S(()=>{!t&&n&&a(Jt(n))},[n]);let d={provider:o.provider,state:o.state,q:o.q,since:o.period&&new Date(Date.now()-Ht[o.period]*864e5).toISOString().replace(/\.\d+Z/,"Z")};S(()=>{r.load(d,!1)},[o.provider,o.state,o.period,o.q]),S(()=>{r.total.value!==null&&r.load(d,!0)},[me.value]),S(()=>{if(!t||t==="")return;let m=!0;return le(({close:v})=>s`<${Wt} name=${t} close=${v} />`).then(()=>m&&fe.value.page==="backups"&&we("backups")),()=>{m=!1,Ne()}},[t]);let c=(m,v)=>{a({...o,[m]:v}),n&&Xe("backups")},f=r.total.value,h=!!(o.provider||o.state||o.period||o.q),b=(m,v,p)=>s`<label class="filter"><span>${v}</span><select value=${o[m]||""} onChange=${$=>c(m,$.target.value)}>
<option value="">${e("filter.all")}</option>${p.map(([$,g])=>s`<option value=${$}>${g}</option>`)}</select></label>`;return s`
<div class="page-head"><div><h1 tabindex="-1">${e("nav.backups")}</h1><p class="muted">${e("backups.about")}</p></div>
<div class="page-actions"><${I} icon="refresh" busy=${!!Je.value} disabled=${Ue.value.length===0} onClick=${Et}>${e("sync.now")}<//><${E} command=${C("sync")} /></div></div>
${Je.value&&s`<${Ft} />`}
${(Ie.value||[]).length>0&&s`<section class="card" aria-label=${e("timeline.title")}><${Pt} runs=${Ie.value} days="60" /></section>`}
<div class="filters" role="search" aria-label=${e("filter.title")}>
<label class="search"><span class="visually-hidden">${e("filter.search")}</span><${B} name="search" size="16" />
<input type="search" placeholder=${e("filter.search")} value=${o.q||""} onInput=${m=>c("q",m.target.value.trim())} /></label>
${b("provider",e("filter.provider"),Ue.value.map(({name:m})=>[m,m]))}
${b("state",e("filter.state"),js.map(m=>[m,e(`state.${m}`)]))}
${b("period",e("filter.period"),Object.keys(Ht).map(m=>[m,e(`filter.${m}`)]))}
${h&&s`<button type="button" class="plain small" onClick=${()=>(a({}),n&&Xe("backups"))}>${e("filter.reset")}</button>`}
<span class="muted push" role="status">${f===null?"":e("filter.count",{n:f})}</span>
</div>
<${x} error=${r.error.value} />
${f===null&&!r.error.value&&s`<div class="card"><${F} lines="6" /></div>`}
${f===0&&s`<div class="card empty"><p>${e(h&&ke.value>0?"filter.nothing":"backups.none")}</p></div>`}
${f>0&&s`<div class="card flush"><${Ot} virtual label=${e("backups.grid")} total=${f} rowAt=${m=>r.rows.value.get(m)}
need=${(m,v)=>r.need(m,v)} onOpen=${m=>we("backups",m.name)} /></div>
<${E} command=${C("backups","list",...o.provider?["--provider",o.provider]:[],...o.state?["--state",o.state]:[],...o.period?["--since",o.period]:[])} />`}`}function zs(){return s`
<div class="page-head"><div><h1 tabindex="-1">${e("nav.providers")}</h1><p class="muted">${e("providers.about")}</p></div>
<div class="page-actions"><${I} icon="plus" onClick=${()=>Ze()}>${e("provider.add")}<//><${E} command=${C("providers","list")} /></div></div>
${wt.value?s`<div class="cards large">
${te.value.map(t=>s`<${jt} key=${t.name} provider=${t} whole />`)}
<button type="button" class="card add-card" onClick=${()=>Ze()}><${B} name="plus" size="26" /><strong>${e("provider.add")}</strong><span class="muted">${e("provider.add_about")}</span></button>
</div>`:s`<div class="card"><${F} lines="4" /></div>`}`}var Ns=t=>({...t,excludeText:(t.exclude||[]).join(", ")}),Ut=({excludeText:t,...n})=>{let o=t.split(",").map(r=>r.trim()).filter(Boolean),{exclude:a,...i}=n;return{...i,...n.path!==void 0?{path:n.path.trim()}:{},...o.length>0?{exclude:o}:{}}};function Fe({error:t}){return t?s`<${x} error=${t}>${(t.data?.problems||[]).length>0&&s`<ul>${t.data.problems.map(n=>s`<li>${n.message}${n.hint?` (${n.hint})`:""}</li>`)}</ul>`}<//>`:null}function Gt(){let[t,n]=u(null),[o,a]=u("max"),[i,r]=u({}),[d,c]=u(null),[f,h]=u(!1),b=()=>{n((re("backup.sources")||[]).map(Ns)),a(re("backup.compression")||"max")};if(S(()=>{ie().then(b,c)},[]),!t)return d?s`<${x} error=${d} />`:s`<${F} />`;let m=($,g,l)=>n(t.map((y,T)=>T===$?{...y,[g]:l}:y)),v=$=>n([...t,{kind:$,path:"",excludeText:""}]);return s`<form onSubmit=${async $=>{$.preventDefault();let g={};if(t.forEach((l,y)=>l.kind!=="command"&&!l.path?.trim()&&(g[`source-${y}`]=e("field.missing",{field:e("sources.path")}))),r(g),!(Object.keys(g).length>0)){h(!0),c(null);try{await _e({"backup.sources":t.map(Ut),...o!==re("backup.compression")?{"backup.compression":o}:{}}),b(),R(e("settings.saved"))}catch(l){c(l),l.status===412&&ie().catch(()=>{})}h(!1)}}} novalidate>
<${J} problems=${i} />
${t.length===0&&s`<p class="empty-line">${e("sources.none")}</p>`}
<ul class="source-list">${t.map(($,g)=>s`<li key=${g}>
<span class="kind-icon"><${B} name=${$.kind==="sqlite"?"archive":$.kind==="command"?"terminal":"folder"} /></span>
<div class="source-fields">
${$.kind==="command"?s`<p><strong>${$.name}</strong><br /><code>${[].concat($.command).join(" ")}</code></p>`:s`<${xe} id=${`source-${g}`} kind=${$.kind==="sqlite"?"all":"dir"} label=${e(`sources.${$.kind}`)} placeholder=${$.kind==="sqlite"?"~/data/app.db":"~/documents"} value=${$.path} error=${i[`source-${g}`]}
choose=${l=>m(g,"path",l)} />
${$.kind==="tree"&&s`<${D} label=${e("sources.exclude")} optional placeholder="*.tmp, cache/" value=${$.excludeText} autocomplete="off" spellcheck="false" onInput=${l=>m(g,"excludeText",l.target.value)} />`}`}
</div>
<button type="button" class="plain icon-only" aria-label=${e("sources.remove",{path:$.path||$.name||""})} title=${e("remove")} onClick=${()=>n(t.filter((l,y)=>y!==g))}><${B} name="trash" /></button>
</li>`)}</ul>
<div class="row-actions"><${I} class="small secondary" icon="plus" onClick=${()=>v("tree")}>${e("sources.add_tree")}<//><${I} class="small secondary" icon="plus" onClick=${()=>v("sqlite")}>${e("sources.add_sqlite")}<//></div>
<${D} label=${e("sources.compression")}>${$=>s`<select ...${$} value=${o} onChange=${g=>a(g.target.value)}>${["max","balanced","store"].map(g=>s`<option value=${g}>${e(`sources.compression_${g}`)}</option>`)}</select>`}<//>
<${Fe} error=${d} />
<div class="form-foot"><${E} command=${C("config","set","backup.sources",JSON.stringify(t.map(Ut)))} /><${I} type="submit" busy=${f}>${e("save")}<//></div>
<p class="help">${se.value&&e("settings.file",{file:se.value.file})}</p>
</form>`}var Rs=["1h","2h","4h","6h","8h","12h","1d","2d","7d"],He=t=>t.split(/[\s,;]+/).filter(Boolean),qs=t=>/^([01]?\d|2[0-3]):[0-5]\d$/.test(t);function Xt(){let[t,n]=u(null),[o,a]=u([]),[i,r]=u(null),[d,c]=u(""),[f,h]=u(!1),b=l=>{n({enabled:l.enabled,mode:(l.at||[]).length>0?"at":"every",every:l.every,at:(l.at||[]).join(", "),catch_up:l.catch_up,on_battery:l.on_battery}),a(l.next||[])};S(()=>{N("/schedule").then(b,r)},[]);let m=l=>({enabled:l.enabled,...l.mode==="at"?{at:He(l.at)}:{at:[],every:l.every},catch_up:l.catch_up,on_battery:l.on_battery}),v=l=>l.mode!=="at"||He(l.at).length>0&&He(l.at).every(qs);if(S(()=>{if(!t||!v(t))return;let l=setTimeout(()=>P("/schedule/preview",m(t)).then(y=>a(y.next),()=>{}),200);return()=>clearTimeout(l)},[t?.enabled,t?.mode,t?.every,t?.at]),!t)return i?s`<${x} error=${i} />`:s`<${F} />`;let p=(l,y)=>{n({...t,[l]:y}),c("")},$=async l=>{if(l.preventDefault(),!v(t))return c(e("schedule.at_rule"));h(!0),r(null);try{b(await je("/schedule",m(t))),R(e(t.enabled?"schedule.saved_on":"schedule.saved_off")),G().catch(()=>{})}catch(y){r(y)}h(!1)},g=t.enabled?C("auto-sync","on",...t.mode==="at"?["--at",He(t.at).join(",")]:["--every",t.every]):C("auto-sync","off");return s`<form onSubmit=${$} novalidate>
<${ht} label=${e("schedule.enabled")} checked=${t.enabled} onChange=${l=>p("enabled",l.target.checked)} />
<div class="two-even"><div>
<${Q} legend=${e("schedule.when")} name="mode" value=${t.mode} onChange=${l=>p("mode",l)} options=${[{value:"every",label:e("schedule.every")},{value:"at",label:e("schedule.at")}]} />
${t.mode==="every"?s`<${D} label=${e("schedule.pause")} help=${e("schedule.recommended")}>${l=>s`<select ...${l} value=${t.every} onChange=${y=>p("every",y.target.value)}>
${[...new Set([...Rs,t.every])].map(y=>s`<option value=${y}>${y.replace(/^(\d+)([hdm])$/,(T,O,k)=>e(`schedule.unit_${k}`,{n:Number(O)}))}</option>`)}</select>`}<//>`:s`<${D} id="schedule-at" label=${e("schedule.times")} help=${e("schedule.times_help")} placeholder="06:00, 18:00" value=${t.at} error=${d} onInput=${l=>p("at",l.target.value)} />`}
<${H} label=${e("schedule.catch_up")} checked=${t.catch_up} onChange=${l=>p("catch_up",l.target.checked)} />
<${H} label=${e("schedule.on_battery")} checked=${t.on_battery} onChange=${l=>p("on_battery",l.target.checked)} />
</div>
<div class="next-runs"><h3>${e("schedule.next")}</h3>
${!t.enabled||o.length===0?s`<p class="muted">${e("schedule.none")}</p>`:s`<ol>${o.map(l=>s`<li><span>${ut(l)}</span><strong>${$t(l)}</strong><span class="muted">${dt(l)}</span></li>`)}</ol>`}
</div></div>
<${x} error=${i} />
<div class="form-foot"><${E} command=${g} /><${I} type="submit" busy=${f}>${e("save")}<//></div>
</form>`}var Zt=["keep_last","hourly","daily","weekly","monthly","yearly"],Yt=["min_verified_copies","trash_days","max_delete_percent"],nt=50,Qt=t=>Object.fromEntries(Object.entries(t).map(([n,o])=>[n,Number(o)])),es=t=>/^\d+$/.test(String(t));function ts(){let[t,n]=u(null),[o,a]=u(null),[i,r]=u(null),[d,c]=u("");S(()=>{N("/retention").then(n,r)},[]);let f=t&&[...Zt,...Yt].every(m=>es(t[m]));if(S(()=>{if(!f)return;let m=setTimeout(()=>P("/retention/preview",Qt(t)).then(v=>(a(v),r(null)),r),250);return()=>clearTimeout(m)},[JSON.stringify(t),me.value]),!t)return i?s`<${x} error=${i} />`:s`<${F} />`;let h=async m=>{if(f){c(m?"prune":"save"),r(null);try{if(n(await je("/retention",Qt(t))),m){let v=await P("/retention/preview",{});a(v),await le(({close:p})=>s`<${Ms} plan=${v} close=${p} />`)}else R(e("settings.saved"))}catch(v){r(v)}c("")}},b=m=>s`<${D} id=${`retention-${m}`} label=${e(`retention.${m}`)} inputmode="numeric" value=${t[m]} error=${es(t[m])?"":e("field.number_rule")}
onInput=${v=>n({...t,[m]:v.target.value.trim()})} />`;return s`<form onSubmit=${m=>(m.preventDefault(),h(!1))} novalidate>
<div class="number-fields">${Zt.map(b)}</div>
<p class="help">${e("retention.help")}</p>
<details class="more"><summary>${e("retention.guards")}</summary><div class="number-fields">${Yt.map(b)}</div><p class="help">${e("retention.guards_help")}</p></details>
${o?s`<${ss} plan=${o} />`:s`<${F} />`}
<${x} error=${i} />
<div class="form-foot"><${E} command=${C("backups","prune","--dry-run")} />
<${I} class="secondary" busy=${d==="prune"} disabled=${!!d||!f||!(o?.remove.length>0)} onClick=${()=>h(!0)}>${e("retention.save_prune")}<//>
<${I} type="submit" busy=${d==="save"} disabled=${!!d||!f}>${e("save")}<//></div>
</form>`}var As=t=>Object.values(t.freed_bytes||{}).reduce((n,o)=>n+o,0);function ss({plan:t}){return s`<div class="plan" aria-live="polite">
<p><strong>${t.remove.length===0?e("retention.nothing",{n:t.keep.length}):e("retention.would",{keep:t.keep.length,n:t.remove.length,bytes:L(As(t))})}</strong></p>
${t.holds.length>0&&s`<${K} tone="warn" icon="alert"><p>${e("retention.held")}</p><ul>${t.holds.map(n=>s`<li>${n}</li>`)}</ul><//>`}
${t.remove.length>0&&s`<ul class="rows scroll" tabindex="0" aria-label=${e("retention.goes")}>${t.remove.slice(0,nt).map(n=>s`<li><strong>${W(n.time)}</strong><span>${L(n.size)}</span><span class="muted">${(n.removed_because||[]).join(" · ")}</span></li>`)}
${t.remove.length>nt&&s`<li class="muted">+ ${t.remove.length-nt}</li>`}</ul>`}
</div>`}function Ms({plan:t,close:n}){let[o,a]=u(!1),[i,r]=u(null),[d,c]=u(!1),f=t.holds.length>0,h=async()=>{c(!0),r(null);try{let b=o?await P("/retention/preview",{force:!0}):t,{removed:m}=await P("/prune",{plan_id:b.plan_id,force:o});R(e("retention.pruned",{n:m.length})),await G().catch(()=>{}),n(!0)}catch(b){r(b),c(!1)}};return s`<${j} title=${e("retention.prune_title",{n:t.remove.length})} subtitle=${e("retention.prune_about")} close=${n} busy=${d} onSubmit=${h}
footer=${s`<button type="button" class="secondary" data-autofocus disabled=${d} onClick=${()=>n()}>${e("cancel")}</button><${I} type="submit" class="danger" busy=${d} disabled=${f&&!o}>${e("retention.prune",{n:t.remove.length})}<//>`}>
<${ss} plan=${t} />
${f&&t.can_be_forced&&s`<${H} label=${e("retention.force")} checked=${o} onChange=${b=>a(b.target.checked)} />`}
<${x} error=${i} />
<${E} command=${C("backups","prune",o&&"--force")} />
<//>`}var os=["degraded","at_risk","unprotected","recovered"];function ns(){let[t,n]=u(null),[o,a]=u(null),[i,r]=u(""),[d,c]=u(null),[f,h]=u({}),b=()=>N("/notifications").then(n,a);if(S(()=>{b()},[]),!t)return o?s`<${x} error=${o} />`:s`<${F} />`;let m=async l=>{a(null);try{return se.value||await ie(),await _e(l()),await b(),R(e("settings.saved")),!0}catch(y){return a(y),!1}},v=(l,y)=>m(()=>({"notify.on":os.filter(T=>T===l?y:t.on.includes(T))})),p=async l=>{l.preventDefault();let y={};/^[a-z0-9-]{1,32}$/.test(d.id)||(y["notify-id"]=e("field.name_rule")),/^https?:\/\/./.test(d.url)||(y["notify-url"]=e("notify.url_rule")),h(y),!(Object.keys(y).length>0)&&await m(()=>({"notify.targets":[...re("notify.targets")||[],{id:d.id,type:"webhook",url:d.url}]}))&&c(null)},$=l=>m(()=>({"notify.targets":(re("notify.targets")||[]).filter(y=>y.id!==l)})),g=async l=>{r(l);try{let y=await P(`/notifications/${z(l)}/test`);y.delivered?R(e("notify.delivered",{id:l})):R(e("notify.not_delivered",{id:l,why:y.error?.message||y.error||""}),"bad"),await b()}catch(y){De(y)}r("")};return s`
<fieldset class="checks"><legend>${e("notify.when")}</legend>${os.map(l=>s`<${H} label=${e(`notify.${l}`)} checked=${t.on.includes(l)} onChange=${y=>v(l,y.target.checked)} />`)}</fieldset>
<h3>${e("notify.targets")}</h3>
${t.targets.length===0&&s`<p class="empty-line">${e("notify.none")}</p>`}
<ul class="rows">${t.targets.map(l=>s`<li key=${l.id}>
<strong>${l.id}</strong><span class="tag">${l.type}</span><span class="muted grow">${l.url||l.to||""}</span>
${l.last?s`<${X} state=${l.last.delivered?"ok":"bad"} kind="check" small>${e(l.last.delivered?"notify.last_good":"notify.last_bad",{ago:l.last.at?$e(l.last.at):""})}<//>`:s`<span class="muted">${e("notify.never")}</span>`}
<${I} class="small secondary" busy=${i===l.id} onClick=${()=>g(l.id)}>${e("notify.test")}<//>
<button type="button" class="plain icon-only" aria-label=${e("notify.remove",{id:l.id})} title=${e("remove")} onClick=${()=>$(l.id)}><${B} name="trash" size="16" /></button>
</li>`)}</ul>
<${Fe} error=${o} />
${d?s`<form class="sub-form" onSubmit=${p} novalidate><${J} problems=${f} />
<div class="fields"><div class="narrow-field"><${D} id="notify-id" label=${e("field.name")} value=${d.id} error=${f["notify-id"]} autocomplete="off" onInput=${l=>c({...d,id:l.target.value})} /></div>
<div class="wide-field"><${D} id="notify-url" label=${e("notify.url")} help=${e("notify.url_help")} placeholder="https://ntfy.example.org/backups" value=${d.url} error=${f["notify-url"]} autocomplete="off" onInput=${l=>c({...d,url:l.target.value})} /></div></div>
<div class="row-actions"><button type="submit" class="small">${e("notify.add_now")}</button><button type="button" class="small secondary" onClick=${()=>c(null)}>${e("cancel")}</button></div></form>`:s`<div class="row-actions"><${I} class="small secondary" icon="plus" onClick=${()=>c({id:"ops",url:""})}>${e("notify.add")}<//></div>`}
<${E} command=${C("config","set","notify.targets","[…]")} />`}function rs(){return s`<${Ls} /><${Vs} /><${Ws} />`}function Ls(){let[t,n]=u({old:"",fresh:""}),[o,a]=u({}),[i,r]=u(null),[d,c]=u(!1);return s`<form class="sub-form first" onSubmit=${async h=>{h.preventDefault();let b={};if(t.old||(b["password-old"]=e("field.missing",{field:e("password.old")})),t.fresh.length<Qe&&(b["password-new"]=e("password.too_short",{n:Qe})),a(b),!(Object.keys(b).length>0)){c(!0),r(null);try{await P("/password",{old:t.old,new:t.fresh}),n({old:"",fresh:""}),R(e("password.changed"))}catch(m){r(m)}c(!1)}}} novalidate>
<h3>${e("password.title")}</h3>
<${J} problems=${o} />
<input type="text" name="username" autocomplete="username" value="admin" hidden readonly />
<div class="fields two-fields">
<div><${D} id="password-old" label=${e("password.old")} type="password" autocomplete="current-password" value=${t.old} error=${o["password-old"]} onInput=${h=>n({...t,old:h.target.value})} /></div>
<div><${D} id="password-new" label=${e("password.new")} type="password" autocomplete="new-password" value=${t.fresh} error=${o["password-new"]} onInput=${h=>n({...t,fresh:h.target.value})} /><${Tt} password=${t.fresh} /></div>
</div>
<${x} error=${i} />
<div class="form-foot"><${E} command=${C("admin","password")} /><${I} type="submit" class="secondary" busy=${d}>${e("password.change")}<//></div>
</form>`}function Ks(t){let n=(/(Firefox|Edg|OPR|Chrome|Safari)\//.exec((t||"").replace("HeadlessChrome","Chrome"))||[])[1],o=(/(Windows|Macintosh|Android|iPhone|iPad|Linux)/.exec(t||"")||[])[1],a={Edg:"Edge",OPR:"Opera",Macintosh:"macOS"};return n?[a[n]||n,a[o]||o].filter(Boolean).join(" · "):t||e("sessions.unknown")}function Vs(){let[t,n]=u(null),[o,a]=u(null),i=()=>N("/sessions").then(d=>n(d.sessions),a);S(()=>{i()},[]);let r=async(d,c)=>{try{await Be(d),R(c),await i()}catch(f){De(f)}};return s`<div class="sub-form"><h3>${e("sessions.title")}</h3>
<${x} error=${o} />
${!t&&!o&&s`<${F} />`}
${t&&s`<ul class="rows">${t.map(d=>s`<li key=${d.id}>
<span class="grow"><strong>${Ks(d.agent)}</strong> ${d.current&&s`<span class="tag tag-new">${e("sessions.this")}</span>`}<br /><span class="muted">${d.address} · ${e("sessions.used",{ago:$e(d.last_used)})}</span></span>
${!d.current&&s`<button type="button" class="small secondary" onClick=${()=>r(`/sessions/${z(d.id)}`,e("sessions.ended"))}>${e("sessions.end")}</button>`}
</li>`)}</ul>
${t.length>1&&s`<div class="row-actions"><button type="button" class="small secondary" onClick=${()=>r("/sessions",e("sessions.all_ended"))}>${e("sessions.end_all")}</button></div>`}`}
<${E} command=${C("admin","sessions")} /></div>`}function Ws(){let[t,n]=u(null),[o,a]=u(null),[i,r]=u(null),[d,c]=u({}),[f,h]=u(null),b=()=>N("/tokens").then(p=>n(p.tokens),a);S(()=>{b()},[]);let m=async p=>{p.preventDefault();let $=i.name.trim()?{}:{"token-name":e("field.missing",{field:e("field.name")})};if(c($),!(Object.keys($).length>0)){a(null);try{h(await P("/tokens",{name:i.name.trim(),scope:i.scope,...Number(i.days)>0?{days:Number(i.days)}:{}})),r(null),await b()}catch(g){a(g)}}},v=async p=>{if(await mt({title:e("tokens.remove_title",{name:p.name}),text:e("tokens.remove_text"),yes:e("tokens.remove"),danger:!0,cli:s`<${E} command=${C("admin","token","remove",p.id)} />`}))try{await Be(`/tokens/${z(p.id)}`),await b()}catch($){De($)}};return s`<div class="sub-form"><h3>${e("tokens.title")}</h3><p class="muted">${e("tokens.about")}</p>
${f&&s`<${K} tone="good" icon="key"><p>${e("tokens.made",{name:f.name})}</p><p class="token-line"><code class="breakable">${f.token}</code><${ge} text=${f.token} /></p><//>`}
<${x} error=${o} />
${t?.length===0&&s`<p class="empty-line">${e("tokens.none")}</p>`}
${t?.length>0&&s`<ul class="rows">${t.map(p=>s`<li key=${p.id}>
<span class="grow"><strong>${p.name}</strong> <span class="tag">${e(`scope.${p.scope}`)}</span><br /><span class="muted">${p.last_used?e("sessions.used",{ago:$e(p.last_used)}):e("tokens.never_used")}${p.expires?` · ${e("tokens.expires",{time:W(p.expires)})}`:""}</span></span>
<button type="button" class="plain icon-only" aria-label=${e("tokens.remove_one",{name:p.name})} title=${e("remove")} onClick=${()=>v(p)}><${B} name="trash" size="16" /></button></li>`)}</ul>`}
${i?s`<form onSubmit=${m} novalidate><${J} problems=${d} /><div class="fields three-fields">
<div><${D} id="token-name" label=${e("field.name")} value=${i.name} error=${d["token-name"]} autocomplete="off" onInput=${p=>r({...i,name:p.target.value})} /></div>
<div><${D} label=${e("tokens.scope")}>${p=>s`<select ...${p} value=${i.scope} onChange=${$=>r({...i,scope:$.target.value})}>${["read","operate","admin"].map($=>s`<option value=${$}>${e(`scope.${$}`)}</option>`)}</select>`}<//></div>
<div><${D} label=${e("tokens.days")}>${p=>s`<select ...${p} value=${i.days} onChange=${$=>r({...i,days:$.target.value})}>${[30,90,365,0].map($=>s`<option value=${$}>${$===0?e("tokens.for_ever"):e("span.days_long",{n:$})}</option>`)}</select>`}<//></div>
</div><div class="row-actions"><button type="submit" class="small">${e("tokens.make")}</button><button type="button" class="small secondary" onClick=${()=>r(null)}>${e("cancel")}</button></div></form>`:s`<div class="row-actions"><${I} class="small secondary" icon="plus" onClick=${()=>(r({name:"",scope:"read",days:"90"}),h(null))}>${e("tokens.add")}<//></div>`}
<${E} command=${C("admin","token","add","--name",i?.name||"NAME","--scope",i?.scope||"read")} /></div>`}var Hs=["replication.min_replicas","replication.upload_limit","mount.dir","mount.cache_size","scrub.every","scrub.sample_percent","log.keep_days"],as=["replication.min_replicas","scrub.sample_percent","log.keep_days"],ls={"mount.close_waits_for":["all","journal"],"log.level":["debug","info","warning","error"]},Js=["scrub.enabled","scrub.repair"];function is(){let[t,n]=u({}),[o,a]=u(null),[i,r]=u(!1);S(()=>{se.value||ie().catch(a)},[]);let d=p=>t[p]??re(p)??"",c=(p,$)=>n({...t,[p]:$}),f=p=>p.replace(".","_"),h=async p=>{p.preventDefault(),r(!0),a(null);try{let $=Object.fromEntries(Object.entries(t).map(([l,y])=>[l,y===""?null:as.includes(l)&&y!==""?Number(y):y])),g=await _e($);n({}),R(e(g.needs_new_mount?"settings.saved_new_mount":"settings.saved"))}catch($){a($),$.status===412&&ie().catch(()=>{})}r(!1)},b=p=>s`<div><${D} label=${e(`setting.${f(p)}`)} help=${se.value.list[p]?.overridden?e("settings.overridden"):e(`setting.${f(p)}_help`)} value=${d(p)} disabled=${se.value.list[p]?.overridden} inputmode=${as.includes(p)?"numeric":void 0} autocomplete="off" spellcheck="false" onInput=${$=>c(p,$.target.value)} /></div>`,m=p=>s`<div><${D} label=${e(`setting.${f(p)}`)} help=${e(`setting.${f(p)}_help`)}>${$=>s`<select ...${$} value=${d(p)} onChange=${g=>c(p,g.target.value)}>${[...new Set([...ls[p],d(p)])].map(g=>s`<option value=${g}>${g}</option>`)}</select>`}<//></div>`,v=Object.keys(t);return s`
<${Q} legend=${e("setting.language")} name="language" value=${it.value} onChange=${ct} options=${Object.entries(lt).map(([p,$])=>({value:p,label:$}))} />
${se.value?s`<form onSubmit=${h} novalidate>
<div class="fields two-fields">${Hs.map(b)}${Object.keys(ls).map(m)}</div>
${Js.map(p=>s`<${H} label=${e(`setting.${f(p)}`)} checked=${!!d(p)} onChange=${$=>c(p,$.target.checked)} />`)}
<${Fe} error=${o} />
<div class="form-foot"><${E} command=${v.length>0?C("config","set",v[0],String(t[v[0]])):C("config","show")} />
<a class="button secondary" role="button" href=${`${ne}/settings/download`} download><${B} name="download" size="16" /><span>${e("settings.download")}</span></a>
<${I} type="submit" busy=${i} disabled=${v.length===0}>${e("save")}<//></div>
</form>`:o?s`<${x} error=${o} />`:s`<${F} />`}
<${Us} />`}function Us(){let[t,n]=u(null),[o,a]=u(null),[i,r]=u(!1),d=async()=>{r(!0),a(null);try{n((await P("/doctor",{})).checks)}catch(c){a(c)}r(!1)};return s`<div class="sub-form"><h3>${e("doctor.title")}</h3><p class="muted">${e("doctor.about")}</p>
${t&&s`<ul class="rows" aria-live="polite">${t.map(c=>s`<li><${X} state=${c.state} kind="check" small /><strong>${c.check}</strong><span class="grow">${c.message}${c.fix?s`<br /><span class="muted">${c.fix}</span>`:""}</span></li>`)}</ul>`}
<${x} error=${o} />
<div class="form-foot"><${E} command=${C("doctor")} /><${I} class="secondary" icon="wrench" busy=${i} onClick=${d}>${e("doctor.run")}<//></div></div>`}var rt={sources:Gt,schedule:Xt,retention:ts,notifications:ns,security:rs,general:is};function Gs(){let{detail:t}=fe.value;return S(()=>{if(!rt[t])return;let n=document.getElementById(`settings-${t}`);n?.scrollIntoView({block:"start"}),n?.querySelector("h2")?.focus({preventScroll:!0})},[t]),s`
<div class="page-head"><div><h1 tabindex="-1">${e("nav.settings")}</h1><p class="muted">${e("settings.about")}</p></div></div>
<div class="settings">
<nav class="settings-nav" aria-label=${e("nav.settings")}><ul>${Object.keys(rt).map(n=>s`<li><a href=${Ae("settings",n)} aria-current=${t===n?"true":void 0}>${e(`settings.${n}`)}</a></li>`)}</ul></nav>
<div class="settings-parts">${Object.entries(rt).map(([n,o])=>s`<section class="card" id=${`settings-${n}`} aria-labelledby=${`settings-${n}-title`} key=${n}>
<h2 id=${`settings-${n}-title`} tabindex="-1">${e(`settings.${n}`)}</h2><p class="muted">${e(`settings.${n}_about`)}</p><${o} /></section>`)}</div>
</div>`}export{Ss as Activity,Ts as Backups,fs as ConnectDialog,bs as ExplainDialog,gs as HelpDialog,zs as Providers,ys as RestoreDialog,Gs as Settings,ks as SettingsDialog,et as SignIn,_s as TaskDialog,$s as TestDialog,xs as TrustDialog};
