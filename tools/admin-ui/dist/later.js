import{$ as D,$a as Dt,A as ce,B as it,C as ct,D as dt,Da as wt,E as de,F as V,Fa as ue,G as O,Ga as Re,Ha as ye,I as $t,Ia as Ue,J as fe,Ja as _t,K as je,Ka as xt,M as F,Ma as G,N as ut,Na as Ct,O as pt,Oa as Ge,P as he,Q as S,Qa as ze,R as N,Ra as Ne,S as Ce,Sa as Ae,Ta as Xe,U as x,Ua as St,V as W,Va as Et,W as B,X as H,Xa as qe,Y as mt,Z as Q,_ as J,_a as Bt,aa as j,ab as It,b as u,ba as ft,bb as Ot,c as E,ca as ve,cb as jt,d as nt,da as ht,db as te,e as Be,ea as Te,eb as ae,f as s,fa as Pe,fb as ne,ga as be,h as oe,ha as Fe,hb as ke,i as z,ia as C,ib as Ze,j as T,ja as Z,jb as Tt,k as De,ka as vt,l as Ie,la as bt,m as xe,ma as gt,n as X,na as yt,o as P,oa as ee,p as rt,q as at,qa as ge,ra as Se,sa as kt,t as lt,ta as We,u as e,v as pe,va as $e,w as ie,wa as He,x as K,xa as U,y as Oe,ya as Je,z as me}from"./shared-UYKN2PZX.js";var as=t=>pe(`step.${t}`)?e(`step.${t}`):t;function re({steps:t,running:n}){let a=n?["connect","write","read","hash","delete"].map(i=>({step:i})):t||[];return s`<ol class="steps" aria-live="polite">
${a.map(i=>s`<li class=${i.ok===void 0?"tone-quiet":i.ok?"tone-good":"tone-bad"}>
<${O} name=${i.ok===void 0?"refresh":i.ok?"checkcircle":"xcircle"} class=${i.ok===void 0?"spin":""} />
<span>${as(i.step)}</span>
<span class="muted">${i.ok===void 0?"":i.ok?e("step.ms",{ms:ie(i.ms)}):e("step.failed")}</span>
</li>`)}
</ol>`}function ls({name:t,close:n}){let[o,a]=u(null),i=async()=>{a(null);try{a(await T(`/providers/${P(t)}/test`))}catch(r){a({error:r,steps:r.data?.steps||[]})}U().catch(()=>{})};return E(()=>{i()},[]),s`<${F} title=${e("test.title",{name:t})} subtitle=${e("test.about")} close=${n}
footer=${s`<${D} class="secondary" icon="refresh" busy=${!o} onClick=${i}>${e("test.again")}<//>
<button type="button" data-autofocus onClick=${()=>n()}>${e("close")}</button>`}>
<${re} running=${!o} steps=${o?.steps} />
${o&&!o.error&&s`<p class="state tone-good"><${O} name="checkcircle" /><strong>${e("test.good",{name:t})}</strong></p>`}
<${x} error=${o?.error} />
<${S} command=${C("providers","test",t)} />
<//>`}var is=1e3;function Ye({attempt:t,title:n,type:o,again:a,done:i,close:r}){let[p,c]=u(""),[h,v]=u(""),[f,m]=u({status:t.mode==="paste"?"asking":"waiting"}),g=t.mode==="paste",$=f.status==="done"||f.status==="failed",d=I=>{m(I),I.status==="done"&&i(I)};E(()=>{if($||g&&f.status==="asking")return;let I=setInterval(async()=>{try{d(await z(`/oauth/${P(t.state)}`))}catch(k){k.status!==0&&m({status:"failed",error:k})}},is);return()=>clearInterval(I)},[$,f.status]);let b=async()=>{if(!(!g||f.status!=="asking")){if(!p.trim())return v(e("field.missing",{field:e("signin.code")}));v(""),m({status:"working"});try{d(await T("/oauth/finish",{state:t.state,code:p.trim()}))}catch(I){m({status:"failed",error:I,steps:I.data?.steps})}}},l=()=>{$||xe(`/oauth/${P(t.state)}`).catch(()=>{}),r()},y=e(o==="dropbox"?"kind.dropbox":"kind.google-drive"),R=t.mode==="device"&&t.verification_url||t.url;return s`<${F} title=${n} close=${l} onSubmit=${b}
footer=${s`${f.status==="failed"&&a&&s`<button type="button" class="secondary push" onClick=${a}>${e("signin.again")}</button>`}
<button type="button" class="secondary" onClick=${l}>${e("cancel")}</button>
${g&&!$&&s`<${D} type="submit" busy=${f.status==="working"}>${e("signin.finish")}<//>`}`}>
${t.mode&&!$&&s`<ol class="numbered">
<li><p>${e("signin.open_text",{where:y})}</p>
<a class="button" href=${R} target="_blank" rel="noopener noreferrer" data-autofocus role="button"><span>${e("signin.open",{where:y})}</span><${O} name="external" size="16" /></a></li>
${t.mode==="device"&&s`<li><p>${e("signin.type_code")}</p><p class="big-code"><code>${t.user_code}</code><${he} text=${t.user_code} /></p></li>`}
${g&&s`<li><${B} label=${e("signin.paste_code")} help=${e("signin.paste_help")} error=${h} autocomplete="off" spellcheck="false" value=${p} onInput=${I=>c(I.target.value)} /></li>`}
${!g&&s`<li><p class="state tone-busy"><${O} name="refresh" class="spin" /><span aria-live="polite">${e(f.status==="working"?"signin.working":"signin.waiting")}</span></p></li>`}
</ol>`}
${!t.mode&&!$&&s`<p class="state tone-busy"><${O} name="refresh" class="spin" /><span>${e("signin.working")}</span></p>`}
${f.steps?.length>0&&s`<${re} steps=${f.steps} />`}
${f.status==="done"&&s`<${W} tone="good" icon="checkcircle"><p>${e("signin.done")}</p><//>`}
<${x} error=${f.error} />
<//>`}var Qe={dropbox:[{way:"paste",mode:"paste",asks:["app_key"]},{way:"refresh_token",asks:["app_key","refresh_token","app_secret"]},{way:"token",asks:["token"]}],"google-drive":[{way:"redirect",mode:"redirect",asks:["client"]},{way:"device",mode:"device",asks:["client"]},{way:"paste",mode:"paste",asks:["client"]},{way:"service_account",asks:["service_account"]}]},Pt=["app_secret"],Ft=["client","service_account"],Rt=["app_key"],Y=t=>`cloud-${t}`;function zt({type:t,existing:n,back:o,close:a}){let i=t==="dropbox"?"/ORACXPRED":"ORACXPRED",[r,p]=u({folder:i,name:n||Pe(t,ee.value.map(_=>_.name))}),[c,h]=u(Qe[t][0].way),[v,f]=u({}),[m,g]=u(null),[$,d]=u(null),b=Qe[t].find(_=>_.way===c),l=(_,q)=>p(se=>({...se,[_]:q})),y=!!m?.doing,R=()=>{let _={};for(let q of b.asks)!r[q]?.trim()&&!Pt.includes(q)&&!(n&&b.mode)&&(_[Y(q)]=e("field.missing",{field:e(`field.${q}`)}));for(let q of b.asks.filter(se=>Ft.includes(se)&&r[se]?.trim()))try{JSON.parse(r[q])}catch{_[Y(q)]=e("field.json_rule")}return be(r.name)?!n&&ee.value.some(q=>q.name===r.name)&&(_[Y("name")]=e("field.name_taken")):_[Y("name")]=e("field.name_rule"),f(_),Object.keys(_).length===0},I=async()=>{await U().catch(()=>{}),N(e(ge.value>0&&!n?"connect.done_copying":"connect.done",{name:r.name})),a(r.name)},k=async()=>{let _={mode:b.mode};n||Object.assign(_,{type:t,settings:{folder:r.folder.trim()}}),r.app_key?.trim()&&(_.app_key=r.app_key.trim()),r.client?.trim()&&(_.client=r.client.trim()),d(await T(`/providers/${P(r.name)}/oauth/start`,_)),g(null)},M=async()=>{let _={folder:r.folder.trim()},q={};for(let se of b.asks)r[se]?.trim()&&((Rt.includes(se)?_:q)[se]=r[se].trim());n?await Ie(`/providers/${P(n)}`,{secrets:q,test:!0}):await T("/providers",{name:r.name,type:t,settings:_,secrets:q,enabled:!0,test:!0}),await I()},le=async()=>{if(R()){g({doing:!0});try{await(b.mode?k():M())}catch(_){g({error:_,steps:_.data?.steps})}}},w=e(n?"connect.again":"connect.one",{kind:e(`kind.${t}`),name:n});if($)return s`<${Ye} key=${$.state} attempt=${$} title=${w} type=${t} again=${()=>d(null)} done=${I} close=${a} />`;let A=_=>s`<${B} id=${Y(_)} label=${e(`field.${_}`)} help=${e(`help.${_}`)} error=${v[Y(_)]} optional=${Pt.includes(_)}
type=${Rt.includes(_)?"text":"password"} autocomplete="off" spellcheck="false" value=${r[_]||""} onInput=${q=>l(_,q.target.value)} />`;return s`<${F} title=${w} subtitle=${e(`kind.${t}_about`)} close=${a} busy=${y} onSubmit=${le}
footer=${s`${o&&s`<button type="button" class="plain push" onClick=${o}>${e("back")}</button>`}
<button type="button" class="secondary" disabled=${y} onClick=${()=>a()}>${e("cancel")}</button>
<${D} type="submit" busy=${y}>${e(b.mode?"signin.begin":"connect.save")}<//>`}>
<${J} problems=${v} />
<${Q} legend=${e("signin.how")} name="way" value=${c} onChange=${_=>(h(_),g(null),f({}))}
options=${Qe[t].map(_=>({value:_.way,label:e(`way.${t}.${_.way}`),help:e(`way.${t}.${_.way}_help`)}))} />
${c==="token"&&s`<${W} tone="warn" icon="alert"><p>${e("signin.short_lived")}</p><//>`}
${b.asks.map(_=>Ft.includes(_)?s`<${cs} key=${_} name=${_} value=${r[_]} problem=${v[Y(_)]} set=${q=>l(_,q)} />`:A(_))}
${!n&&s`<div class="fields">
<div><${B} id=${Y("folder")} label=${e("field.folder")} help=${e("help.folder")} value=${r.folder} onInput=${_=>l("folder",_.target.value)} /></div>
<div><${B} id=${Y("name")} label=${e("field.name")} help=${e("help.name")} error=${v[Y("name")]} value=${r.name} spellcheck="false" onInput=${_=>l("name",_.target.value)} /></div>
</div>`}
${(m?.steps?.length>0||y&&!b.mode)&&s`<${re} running=${y} steps=${m.steps} />`}
<${x} error=${m?.error} />
<${S} command=${C(t,...n?["connect"]:[],"--name",r.name,...n?[]:["--folder",r.folder])} />
<//>`}function cs({name:t,value:n,problem:o,set:a}){let i=async r=>{let p=r.target.files[0];p&&a(await p.text())};return s`<div class="json-field">
<${B} id=${Y(t)} label=${e(`field.${t}`)} help=${e(`help.${t}`)} error=${o}>
${r=>s`<textarea ...${r} rows="3" spellcheck="false" autocomplete="off" placeholder='{ "installed": { … } }' value=${n||""} onInput=${p=>a(p.target.value)}></textarea>`}
<//>
<label class="file-button"><input type="file" accept=".json,application/json" class="visually-hidden" onChange=${i} /><span>${e("field.choose_file")}</span></label>
</div>`}var L=t=>`connect-${t}`;function Le({field:t,type:n,values:o,set:a,problems:i}){let{key:r,number:p,example:c,choices:h,optional:v,fallback:f}=t,m={id:L(r),label:e(`field.${r}`),help:["path","folder","tls","ca_file","upload_limit"].includes(r)?e(`help.${r}`,{type:e(`kind.${n}`)}):void 0,error:i[L(r)],optional:v},g=o[r]??f??"";return h?s`<${B} ...${m}>${$=>s`<select ...${$} onChange=${d=>a(r,d.target.value)}>
${h.map(d=>s`<option value=${d} selected=${d===g}>${e(`choice.${r}.${d}`)}</option>`)}</select>`}<//>`:s`<${B} ...${m} value=${g} placeholder=${c} inputmode=${p?"numeric":void 0} autocomplete="off" spellcheck="false"
autocapitalize="none" onInput=${$=>a(r,$.target.value)} />`}function Nt({type:t,back:n,close:o}){let a=ve[t],i=[...a.fields,...a.more||[]],[r,p]=u(()=>({name:Pe(t,ee.value.map(w=>w.name)),signIn:"password",...Object.fromEntries(i.filter(w=>w.fallback).map(w=>[w.key,w.fallback]))})),[c,h]=u(null),[v,f]=u({}),[m,g]=u(null),$=(w,A)=>{p(_=>({..._,[w]:A})),(w==="host"||w==="port")&&h(null),g(null)},d=t==="sftp",b=d&&r.signIn==="key",l=t==="ftp"||d&&!b,y=!!m?.doing,R=()=>{let w={};be(r.name)?ee.value.some(A=>A.name===r.name)&&(w[L("name")]=e("field.name_taken")):w[L("name")]=e("field.name_rule");for(let A of i)A.required&&!String(r[A.key]??"").trim()&&(w[L(A.key)]=e("field.missing",{field:e(`field.${A.key}`)}));return t==="local"&&r.path&&!/^[/~$]/.test(r.path.trim())&&(w[L("path")]=e("field.path_rule")),r.port&&!(Number(r.port)>=1&&Number(r.port)<=65535)&&(w[L("port")]=e("field.port_rule")),b&&!r.key_file?.trim()&&(w[L("key_file")]=e("field.missing",{field:e("field.key_file")})),l&&!r.password&&(w[L("password")]=e("field.missing",{field:e("field.password")})),d&&!c?.compared&&(w[L("hostkey")]=e(c?"hostkey.compare_first":"hostkey.fetch_first")),f(w),Object.keys(w).length===0},I=()=>{let w=Fe(i,r);d&&(w.host_key=c.fingerprint),b&&(w.key_file=r.key_file.trim());let A={};return l&&(A.password=r.password),b&&r.key_passphrase&&(A.key_passphrase=r.key_passphrase),{name:r.name,type:t,settings:w,secrets:A}},k=async w=>{if(R()){g({doing:w});try{if(w==="test"){let{steps:A}=await T("/provider-test",I());g({steps:A,good:!0})}else await T("/providers",{...I(),enabled:!0,test:!0}),await U().catch(()=>{}),N(e(ge.value>0?"connect.done_copying":"connect.done",{name:r.name})),o(r.name)}catch(A){g({error:A,steps:A.data?.steps})}}},M=async()=>{if(!r.host?.trim()){f({[L("host")]:e("field.missing",{field:e("field.host")})});return}g({doing:"key"});try{h(await T("/provider-host-key",{host:r.host.trim(),port:Number(r.port)||22})),g(null),f({})}catch(w){g({error:w})}},le=s`
${n&&s`<button type="button" class="plain push" disabled=${y} onClick=${n}>${e("back")}</button>`}
<${D} class="secondary" busy=${m?.doing==="test"} disabled=${y} onClick=${()=>k("test")}>${e("connect.test")}<//>
<${D} type="submit" busy=${m?.doing==="save"} disabled=${y}>${e("connect.save")}<//>`;return s`<${F} title=${e("connect.one",{kind:e(`kind.${t}`)})} subtitle=${e(`kind.${t}_about`)} close=${o} busy=${y} onSubmit=${()=>k("save")} footer=${le}>
<${J} problems=${v} />
<div class="fields">
${a.fields.map(w=>s`<div class=${w.narrow?"narrow-field":"wide-field"}><${Le} ...${{field:w,type:t,values:r,set:$,problems:v}} /></div>`)}
</div>
${d&&s`<${Q} legend=${e("signin.how")} name="signin" value=${r.signIn} onChange=${w=>$("signIn",w)}
options=${[{value:"password",label:e("signin.password")},{value:"key",label:e("signin.key"),help:e("signin.key_help")}]} />`}
${l&&s`<${B} id=${L("password")} label=${e("field.password")} type="password" autocomplete="off" error=${v[L("password")]}
help=${e("help.password")} value=${r.password||""} onInput=${w=>$("password",w.target.value)} />`}
${b&&s`<${B} id=${L("key_file")} label=${e("field.key_file")} placeholder="~/.ssh/id_ed25519" autocomplete="off" error=${v[L("key_file")]}
value=${r.key_file||""} onInput=${w=>$("key_file",w.target.value)} />
<${B} label=${e("field.key_passphrase")} optional type="password" autocomplete="off" value=${r.key_passphrase||""} onInput=${w=>$("key_passphrase",w.target.value)} />`}
${d&&s`<${ds} hostKey=${c} problem=${v[L("hostkey")]} busy=${y} fetching=${m?.doing==="key"} fetch=${M}
compared=${w=>h({...c,compared:w})} />`}
<${B} id=${L("name")} label=${e("field.name")} help=${e("help.name")} error=${v[L("name")]} value=${r.name} autocomplete="off" spellcheck="false"
onInput=${w=>$("name",w.target.value)} />
${a.more&&s`<details class="more"><summary>${e("connect.more")}</summary>
${a.more.map(w=>s`<${Le} ...${{field:w,type:t,values:r,set:$,problems:v}} />`)}</details>`}
${(m?.doing==="test"||m?.doing==="save"||m?.steps)&&s`<${re} running=${y} steps=${m.steps} />`}
${m?.good&&s`<${W} tone="good" icon="checkcircle"><p>${e("connect.tested")}</p><//>`}
<${x} error=${m?.error} />
<${S} command=${vt({...r,type:t,key_file:b&&(r.key_file||"FILE"),host_key:d&&(c?.fingerprint||"SHA256:…")})} />
<//>`}function ds({hostKey:t,problem:n,busy:o,fetching:a,fetch:i,compared:r}){return s`<fieldset class="hostkey" id=${L("hostkey")} tabindex="-1">
<legend>${e("hostkey.title")}</legend>
${!t&&s`<p class="help">${e("hostkey.about")}</p>
<${D} class="secondary" icon="key" busy=${a} disabled=${o} onClick=${i}>${e("hostkey.fetch")}<//>`}
${t&&s`<p class="muted">${e("hostkey.shows",{type:t.type})}</p>
<p><code class="fingerprint">${t.fingerprint}</code></p>
<p class="help">${e("hostkey.compare")} <code>ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub</code></p>
<${H} label=${e("trust.compared")} checked=${!!t.compared} onChange=${p=>r(p.target.checked)} />`}
${n&&s`<p class="field-error"><${O} name="alert" size="15" />${n}</p>`}
</fieldset>`}function $s({type:t,existing:n,close:o}){let[a,i]=u(t),r=t?void 0:()=>i(void 0);return a?Te(a)?s`<${zt} key=${a} type=${a} existing=${n} back=${r} close=${o} />`:s`<${Nt} key=${a} type=${a} back=${r} close=${o} />`:s`<${us} choose=${i} close=${o} />`}function us({choose:t,close:n}){return s`<${F} title=${e("connect.title")} subtitle=${e("connect.about")} kind="wide" close=${n}>
<div class="tiles">
${["google-drive","dropbox","sftp","ftp","local"].filter(o=>ve[o]).map(o=>s`<button type="button" class="tile" onClick=${()=>t(o)}>
<span class=${`kind-icon kind-${o}`}><${O} name=${$t[o]} size="22" /></span>
<span><strong>${e(`kind.${o}`)}</strong><span class="help">${e(`kind.${o}_about`)}</span></span>
<${O} name="chevron" class="tile-arrow" />
</button>`)}
</div>
<//>`}function ps({code:t,close:n}){let[o,a]=u(null),[i,r]=u(null);E(()=>{z(X("/explain",{code:t})).then(a,r)},[]);let p=pe(`code.${t}_next`)?e(`code.${t}_next`):o?.next;return s`<${F} title=${pe(`code.${t}`)?e(`code.${t}`):t} subtitle=${t} close=${n}
footer=${s`<button type="button" data-autofocus onClick=${()=>n()}>${e("close")}</button>`}>
${pe(`code.${t}_why`)&&s`<p>${e(`code.${t}_why`)}</p>`}
${p&&s`<p><strong>${e("error.next")}</strong> ${p}</p>`}
<${x} error=${i} />
<${S} command=${C("explain",t)} />
<//>`}var ms=[["s","keys.sync"],["/","keys.search"],["g o","nav.overview"],["g p","nav.providers"],["g b","nav.backups"],["g a","nav.activity"],["g s","nav.settings"],["?","keys.help"],["Esc","keys.close"],["↑ ↓ ← →","keys.grid"]];function fs({close:t}){return s`<${F} title=${e("keys.title")} close=${t}
footer=${s`<button type="button" data-autofocus onClick=${()=>t()}>${e("close")}</button>`}>
<dl class="keys-list">
${ms.map(([n,o])=>s`<div><dt>${n.split(" ").map(a=>s`<kbd>${a}</kbd> `)}</dt><dd>${e(o)}</dd></div>`)}
</dl>
<${H} label=${e("keys.on")} help=${e("keys.on_help")} checked=${_t.value} onChange=${n=>xt(n.target.checked)} />
<p class="muted">oracxfs ${gt.value?.version}</p>
<//>`}var et=200;function hs({backup:t,paths:n,close:o}){let[a,i]=u({to:"",from:"",overwrite:"never",passphrase:""}),[r,p]=u({}),[c,h]=u(null),v=(d,b)=>i(l=>({...l,[d]:b})),f=async d=>{let b=a.to.trim()?{}:{"restore-to":e("field.missing",{field:e("restore.to")})};if(p(b),!(Object.keys(b).length>0)){h({doing:d?"dry":"real"});try{let l={to:a.to.trim(),overwrite:a.overwrite,verify:!0,dry_run:d};n.length>0&&(l.paths=n),a.from&&(l.from=a.from),a.passphrase&&(l.passphrase=a.passphrase);let{task:y}=await T(`/backups/${P(t.name)}/restore`,l),R=await wt(y);h({task:R,dry:d,error:R.error})}catch(l){h({error:l})}}},m=!!c?.doing,g=c?.task&&!c.error,$=n.length===0?e("restore.everything"):e("restore.some",{n:n.length});return s`<${F} title=${e("restore.title",{time:V(t.time)})} subtitle=${$} close=${o} busy=${m} onSubmit=${()=>f(!1)}
footer=${s`<button type="button" class="secondary push" disabled=${m} onClick=${()=>o()}>${e(g&&!c.dry?"close":"cancel")}</button>
<${D} class="secondary" busy=${c?.doing==="dry"} disabled=${m} onClick=${()=>f(!0)}>${e("restore.dry")}<//>
<${D} type="submit" busy=${c?.doing==="real"} disabled=${m}>${e("restore.now")}<//>`}>
<${J} problems=${r} />
${n.length>0&&s`<ul class="chips">${n.slice(0,8).map(d=>s`<li><code>${d}</code></li>`)}${n.length>8&&s`<li>+ ${n.length-8}</li>`}</ul>`}
<${B} id="restore-to" label=${e("restore.to")} help=${e("restore.to_help")} placeholder="/srv/restored" error=${r["restore-to"]} autocomplete="off" spellcheck="false"
value=${a.to} onInput=${d=>v("to",d.target.value)} />
<div class="fields">
<div><${B} label=${e("restore.from")}>${d=>s`<select ...${d} value=${a.from} onChange=${b=>v("from",b.target.value)}>
<option value="">${e("restore.fastest")}</option>
${t.replicas.filter(b=>b.state==="verified").map(b=>s`<option value=${b.provider}>${b.provider}</option>`)}
</select>`}<//></div>
${t.encrypted&&s`<div><${B} label=${e("field.passphrase")} help=${e("restore.passphrase_help")} optional type="password" autocomplete="off" value=${a.passphrase} onInput=${d=>v("passphrase",d.target.value)} /></div>`}
</div>
<${Q} legend=${e("restore.overwrite")} name="overwrite" value=${a.overwrite} onChange=${d=>v("overwrite",d)}
options=${["never","if-newer","always"].map(d=>({value:d,label:e(`restore.overwrite_${d}`)}))} />
<div aria-live="polite">
${m&&s`<p class="state tone-busy"><${O} name="refresh" class="spin" /><span>${e("task.running")}</span></p>`}
${g&&s`<${W} tone=${c.dry?"quiet":"good"} icon=${c.dry?"eye":"checkcircle"}><p>${e(c.dry?"restore.dry_done":"restore.done",{to:a.to})}</p><//>`}
</div>
${g&&c.task.rows?.length>0&&s`<ul class="rows scroll" tabindex="0" aria-label=${e("restore.rows")}>
${c.task.rows.slice(0,et).map(d=>s`<li><code>${d.path||d.name}</code><span class="muted">${[d.action||d.outcome||d.state,d.size===void 0?"":K(d.size)].filter(Boolean).join(" · ")}</span></li>`)}
${c.task.rows.length>et&&s`<li class="muted">+ ${c.task.rows.length-et}</li>`}
</ul>`}
<${x} error=${c?.error} />
<${S} command=${C("backups","restore",Z(t.name),...n,"--to",a.to||"DIR",...a.from?["--from",a.from]:[],...a.overwrite==="never"?[]:["--overwrite",a.overwrite])} />
<//>`}function vs({name:t,close:n}){let[o,a]=u(null),[i,r]=u({}),[p,c]=u({}),[h,v]=u(null);E(()=>{z(`/providers/${P(t)}`).then(I=>{a(I),r({...I.settings,name:t})},I=>v({error:I}))},[]);let f=(I,k)=>r(M=>({...M,[I]:k})),{type:m}=o||{},g=ve[m]||{fields:[],secrets:[]},$=[...g.fields,...g.more||[],...m==="local"?[]:ht],d=m==="sftp"||m==="ftp",b=o?.secrets?.password?.set?e("secret.set",{hint:o.secrets.password.hint||""}):e("secret.not_set"),l=()=>{let I={},k=Fe($,i);for(let{key:le}of $){let w=o.settings[le]??null,A=k[le]??null;String(w??"")!==String(A??"")&&(I[le]=A)}let M={test:o.enabled};return Object.keys(I).length>0&&(M.settings=I),i.password&&(M.secrets={password:i.password}),i.name!==t&&(M.name=i.name),M},y=async()=>{if(!o)return;let I={};be(i.name)||(I["connect-name"]=e("field.name_rule"));for(let k of $)k.required&&!String(i[k.key]??"").trim()&&(I[`connect-${k.key}`]=e("field.missing",{field:e(`field.${k.key}`)}));if(c(I),!(Object.keys(I).length>0)){v({doing:!0});try{await Ie(`/providers/${P(t)}`,l()),await U().catch(()=>{}),N(e("provider.saved",{name:i.name})),n(!0)}catch(k){v({error:k,steps:k.data?.steps})}}},R=!!h?.doing;return s`<${F} title=${e("provider.settings_title",{name:t})} subtitle=${m&&e(`kind.${m}`)} close=${n} busy=${R} onSubmit=${y}
footer=${s`<button type="button" class="secondary" disabled=${R} onClick=${()=>n()}>${e("cancel")}</button>
<${D} type="submit" busy=${R} disabled=${!o}>${e("save")}<//>`}>
${!o&&!h?.error&&s`<${j} lines="5" />`}
<${J} problems=${p} />
${o&&s`
<div class="fields">${$.map(I=>s`<div class=${I.narrow?"narrow-field":"wide-field"}><${Le} ...${{field:{...I,fallback:void 0},type:m,values:i,set:f,problems:p}} /></div>`)}</div>
${d&&s`<${B} label=${e("field.new_password")} optional help=${b} type="password" autocomplete="off" value=${i.password||""} onInput=${I=>f("password",I.target.value)} />`}
${Te(m)&&s`<p class="help">${e("provider.sign_in_elsewhere")}</p>`}
<${B} id="connect-name" label=${e("field.name")} help=${e("help.name")} error=${p["connect-name"]} value=${i.name} spellcheck="false" autocomplete="off" onInput=${I=>f("name",I.target.value)} />
${(h?.steps||R&&o.enabled)&&s`<${re} running=${R} steps=${h.steps} />`}
<${S} command=${C("config","set",`providers.${t}.KEY`,"VALUE")} />`}
<${x} error=${h?.error} />
<//>`}function bs({row:t}){let n=t.state||(t.ok===!1?"failed":"done"),o=t.error&&(typeof t.error=="string"?t.error:t.error.message);return s`<li>
<strong>${t.provider||t.path||t.name}</strong>
<${G} state=${n} small />
${o&&s`<span class="muted">${o}</span>`}
</li>`}function gs({kind:t,backup:n,begin:o,command:a,close:i}){let[r,p]=u(null),[c,h]=u(null);E(()=>{o().then(f=>{p(f),f.error&&h(f.error)},h)},[]);let v=!r&&!c;return s`<${F} title=${e(`task.${t}_title`,{time:V(n.time)})} subtitle=${e(`task.${t}_about`)} close=${i}
footer=${s`<button type="button" data-autofocus onClick=${()=>i()}>${e(v?"task.background":"close")}</button>`}>
<div aria-live="polite">
${v&&s`<p class="state tone-busy"><${O} name="refresh" class="spin" /><span>${e("task.running")}</span></p>`}
${r&&!c&&s`<p class="state tone-good"><${O} name="checkcircle" /><strong>${e(`task.${t}_done`)}</strong></p>`}
</div>
${r?.rows?.length>0&&s`<ul class="rows">${r.rows.map(f=>s`<${bs} row=${f} />`)}</ul>`}
<${x} error=${c} />
<${S} command=${a} />
<//>`}function ys({name:t,close:n}){let[o,a]=u(null),[i,r]=u(!1),[p,c]=u(null),[h,v]=u(!1),f=`/providers/${P(t)}/trust-host`;E(()=>{T(f,{}).then(a,c)},[]);let m=async()=>{if(!(!i||!o)){v(!0),c(null);try{await T(f,{fingerprint:o.offered}),N(e("trust.done",{name:t})),await U(),n(!0)}catch($){c($),v(!1)}}},g=o&&o.known===o.offered;return s`<${F} title=${e("trust.title",{name:t})} subtitle=${e("trust.about")} close=${n} busy=${h} onSubmit=${m}
footer=${s`<button type="button" class="secondary" disabled=${h} onClick=${()=>n()}>${e("cancel")}</button>
<${D} type="submit" class="danger" busy=${h} disabled=${!i||!o}>${e("trust.accept")}<//>`}>
${!o&&!p&&s`<${j} />`}
${o&&s`
<dl class="facts keys">
<dt>${e("trust.known")}</dt><dd><code>${o.known||e("trust.none")}</code></dd>
<dt>${e("trust.offered")}</dt><dd><code class=${g?"":"differs"}>${o.offered}</code></dd>
</dl>
${g?s`<${W} tone="good" icon="checkcircle"><p>${e("trust.same")}</p><//>`:s`<${W} tone="warn" icon="alert"><p>${e("trust.warning")}</p><//>`}
<p>${e("trust.how")}</p>
<${S} label=${!1} command="ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" />
<${H} label=${e("trust.compared")} checked=${i} onChange=${$=>r($.target.checked)} data-autofocus />
<${S} command=${C("config","set",`providers.${t}.host_key`,o.offered)} />`}
<${x} error=${p} />
<//>`}function tt({run:t,brief:n}){let o=(a,i)=>i!=null&&i!==""&&s`<dt>${e(`run_fact.${a}`)}</dt><dd>${i}</dd>`;return s`<div class="run-result">
<p><${G} state=${t.state} kind="run" /> <span class="muted">${t.run} · <span title=${de(t.started)}>${V(t.started)}</span></span></p>
${t.error&&s`<p class="tone-bad-text">${t.error} ${t.code&&s`<button type="button" class="link" onClick=${()=>Et(t.code)}>${t.code}</button>`}</p>`}
<dl class="facts wide-facts">
${!n&&o("package",t.package&&s`<a href=${Re("backups",t.package)}>${t.package}</a>`)}
${o("took",t.took_ms!==void 0&&`${me(t.took_ms)}${t.rate?` · ${Oe(t.rate)}`:""}`)}
${o("packed",t.bytes_out>0&&e("run.packed_into",{from:K(t.bytes_in),to:K(t.bytes_out),members:ie(t.members||0)}))}
${o("label",t.label)}
${o("removed",t.removed?.length>0&&t.removed.join(", "))}
</dl>
${t.providers?.length>0&&s`<ul class="rows">${t.providers.map(a=>s`<li><strong>${a.provider}</strong><${G} state=${a.state} small />
${a.attempts>1&&s`<span class="muted">${e("transfer.attempt",{n:a.attempts})}</span>`}${a.error&&s`<span class="tone-bad-text">${a.error}</span>`}</li>`)}</ul>`}
${(t.problems?.length||0)>0&&s`<details><summary>${e("run.problems",{n:t.problems.length})}</summary><ul class="rows">${t.problems.map(a=>s`<li><code>${a.path||a.name||a.what}</code><span class="muted">${a.why||""}</span></li>`)}</ul></details>`}
</div>`}function At({name:t,close:n}){let[o,a]=u(null),[i,r]=u(null);return E(()=>{z(`/runs/${P(t)}`).then(a,r)},[t]),s`<${F} kind="wide" title=${e("run.one",{name:t})} subtitle=${o&&e(`run_kind.${o.kind==="prune"?"prune":"backup"}`)} close=${n}
footer=${s`<button type="button" data-autofocus onClick=${()=>n()}>${e("close")}</button>`}>
${!o&&!i&&s`<${j} />`}
${o&&s`<${tt} run=${o} />`}
<${x} error=${i} />
<//>`}var ks=1e3,qt=(t,{provider:n,level:o,text:a})=>(!n||t.provider===n||(t.providers||[]).includes(n))&&(!o||t.level===o||o==="warning"&&t.level==="error")&&(!a||`${t.message} ${t.path||""} ${t.code||""} ${t.provider||""}`.toLowerCase().includes(a.toLowerCase()));function ws(){let{detail:t}=ue.value,[n,o]=u({provider:"",level:"",text:""}),[a,i]=u([]),[r,p]=u(!1),[c,h]=u(null),[v,f]=u(null),[m,g]=u(!1),$=(k,M)=>o({...n,[k]:M}),d={provider:n.provider,level:n.level==="warning"?"":n.level};E(()=>{i([]),p(!1),Je(d).then(k=>{i(k),p(k.length<100)},f)},[n.provider,n.level]),E(()=>{if(!t)return;let k=!0;return fe(({close:M})=>s`<${At} name=${t} close=${M} />`).then(()=>k&&ye("activity")),()=>{k=!1,je()}},[t]);let b=new Set,l=[...kt.value||[],...a].filter(k=>!b.has(k.id)&&b.add(k.id)).sort((k,M)=>M.id-k.id),y=c===null?0:l.filter(k=>k.id>c&&qt(k,n)).length,R=l.filter(k=>qt(k,n)&&(c===null||k.id<=c)).slice(0,ks),I=async()=>{g(!0);try{let k=await Je(d,Math.min(...l.map(M=>M.id)));i([...a,...k]),p(k.length<100)}catch(k){f(k)}g(!1)};return s`
<div class="page-head"><div><h1 tabindex="-1">${e("nav.activity")}</h1><p class="muted">${e("activity.about")}</p></div>
<div class="page-actions"><${S} command=${C("log","-f")} /></div></div>
<section aria-labelledby="runs-title"><h2 id="runs-title">${e("activity.runs")}</h2><div class="card flush"><${_s} /></div></section>
<section aria-labelledby="log-title">
<div class="section-head"><h2 id="log-title">${e("activity.log")}</h2>
${bt.value==="live"&&c===null&&s`<span class="live-sign"><span class="dot"></span>${e("activity.live")}</span>`}</div>
<div class="filters" role="search" aria-label=${e("filter.title")}>
<label class="search"><span class="visually-hidden">${e("activity.search")}</span><${O} name="search" size="16" /><input type="search" placeholder=${e("activity.search")} value=${n.text} onInput=${k=>$("text",k.target.value)} /></label>
<label class="filter"><span>${e("filter.provider")}</span><select value=${n.provider} onChange=${k=>$("provider",k.target.value)}><option value="">${e("filter.all")}</option>${ee.value.map(({name:k})=>s`<option value=${k}>${k}</option>`)}</select></label>
<label class="filter"><span>${e("filter.level")}</span><select value=${n.level} onChange=${k=>$("level",k.target.value)}><option value="">${e("filter.all")}</option><option value="warning">${e("level.warning_up")}</option><option value="error">${e("level.error")}</option></select></label>
<div class="push row-actions"><button type="button" class="small secondary" aria-pressed=${c!==null} onClick=${()=>h(c===null?l[0]?.id??0:null)}><${O} name=${c===null?"pause":"play"} size="15" /><span>${c===null?e("activity.pause"):e("activity.resume",{n:y})}</span></button>
<a class="button small secondary" role="button" href=${`${oe}${X("/activity",{limit:1e3,...d})}`} download="oracxfs-activity.json"><${O} name="download" size="15" /><span>${e("activity.download")}</span></a></div>
</div>
<${x} error=${v} />
<div class="card flush">
${l.length===0&&!v&&!r&&s`<${j} lines="6" />`}
${R.length===0&&r&&s`<p class="muted empty">${e("activity.none")}</p>`}
<ol class="events" aria-label=${e("activity.log")}>${R.map(k=>s`<${qe} key=${k.id} event=${k} />`)}</ol>
</div>
${!r&&l.length>0&&s`<p class="row-actions"><${D} class="secondary small" busy=${m} onClick=${I}>${e("activity.older")}<//></p>`}
</section>`}function _s(){let[t,n]=u(6),o=Se.value;return o?o.length===0?s`<p class="muted empty">${e("activity.no_runs")}</p>`:s`<table class="runs"><thead><tr><th scope="col">${e("run_fact.started")}</th><th scope="col">${e("run_fact.result")}</th><th scope="col" class="copies-column">${e("copies.copies")}</th><th scope="col" class="number">${e("copies.size")}</th><th scope="col" class="number took">${e("run_fact.took")}</th><th scope="col"><span class="visually-hidden">${e("run.details")}</span></th></tr></thead>
<tbody>${o.slice(0,t).map(a=>s`<tr key=${a.run}>
<td title=${de(a.started)}>${V(a.started)}${a.kind==="prune"?s` <span class="tag">${e("run_kind.prune")}</span>`:""}</td>
<td><${G} state=${a.state} kind="run" small /></td>
<td class="copies-column">${a.wanted?e("fact.copies_of",{verified:a.verified,wanted:a.wanted}):"–"}</td>
<td class="number">${a.bytes_out?K(a.bytes_out):"–"}</td><td class="number took">${a.took_ms===void 0?"–":me(a.took_ms)}</td>
<td class="number"><button type="button" class="link" onClick=${()=>ye("activity",a.run)}>${e("run.details")}<span class="visually-hidden"> ${a.run}</span></button></td></tr>`)}</tbody></table>
${o.length>t&&s`<p class="row-actions table-foot"><button type="button" class="small plain" onClick=${()=>n(t+20)}>${e("activity.more_runs")}</button></p>`}`:s`<${j} />`}var Me=200,Ke=class{constructor(){this.rows=Be([]),this.total=Be(null),this.error=Be(null),this.filter={},this.round=0}async load(n,o){let a=++this.round,i=o?Math.max(Me,this.rows.value.length):Me;o||(this.rows.value=[],this.total.value=null),this.filter=n,this.cursor="",await this.fetch(a,i,[])}async fetch(n,o,a){try{for(;a.length<o&&this.cursor!==null;){let i=await z(X("/backups",{...this.filter,limit:Me,cursor:this.cursor}));if(n!==this.round)return;a=[...a,...i.backups],this.cursor=i.next??null,(a.length>=this.rows.value.length||this.cursor===null)&&(this.rows.value=a);let r=this.filter.provider||this.filter.state||this.filter.since;this.total.value=this.cursor===null?a.length:r?a.length+Me:i.total}this.error.value=null}catch(i){n===this.round&&(this.error.value=i)}}async need(n){this.busy||this.cursor===null||n<this.rows.value.length||(this.busy=!0,await this.fetch(this.round,n+1,this.rows.value),this.busy=!1)}};var xs=200,we=t=>t.replace(/\/$/,"").split("/").pop();function Cs(t,n,o){let[a,i]=u({files:null,next:null,count:0,error:null}),r=c=>z(X(`/backups/${P(t)}/files`,{path:n,q:o,limit:xs,cursor:c}));return E(()=>{let c=!0,h=setTimeout(async()=>{try{let v=await r("");c&&i({files:v.files,next:v.next,count:v.count,error:null})}catch(v){c&&i({files:null,next:null,count:0,error:v})}},o?250:0);return()=>{c=!1,clearTimeout(h)}},[t,n,o]),{...a,more:async()=>{let c=await r(a.next);i({...a,files:[...a.files,...c.files],next:c.next})}}}function Lt({backup:t}){let[n,o]=u(""),[a,i]=u(""),[r,p]=u([]),{files:c,next:h,count:v,error:f,more:m}=Cs(t.name,n,a.trim()),g=n?n.replace(/\/$/,"").split("/"):[],$=l=>{o(l),i(""),document.getElementById("files-here")?.focus()},d=(l,y)=>p(y?[...r,l]:r.filter(R=>R!==l)),b=l=>`${oe}${X(`/backups/${P(t.name)}/file`,l.name_b64?{path_b64:l.name_b64}:{path:l.name})}`;return s`
<div class="files-bar">
<nav class="crumbs" aria-label=${e("files.where")}><button type="button" class="link" id="files-here" onClick=${()=>$("")}>${e("files.root")}</button>
${g.map((l,y)=>s`<span aria-hidden="true">/</span><button type="button" class="link" onClick=${()=>$(g.slice(0,y+1).join("/"))}>${l}</button>`)}</nav>
<label class="search"><span class="visually-hidden">${e("files.search")}</span><${O} name="search" size="16" />
<input type="search" placeholder=${e("files.search")} value=${a} onInput=${l=>i(l.target.value)} /></label>
</div>
<${x} error=${f} />
${!c&&!f&&s`<${j} lines="5" />`}
${c?.length===0&&s`<p class="muted empty">${e(a?"files.nothing":"files.empty")}</p>`}
${c?.length>0&&s`<table class="files">
<thead><tr><th scope="col"><span class="visually-hidden">${e("files.choose")}</span></th><th scope="col">${e("files.name")}</th><th scope="col" class="number">${e("copies.size")}</th><th scope="col" class="date">${e("files.changed")}</th><th scope="col"><span class="visually-hidden">${e("files.actions")}</span></th></tr></thead>
<tbody>${c.map(l=>s`<tr key=${l.name}>
<td><label class="tick"><input type="checkbox" checked=${r.includes(l.name)} onChange=${y=>d(l.name,y.target.checked)} /><span class="visually-hidden">${e("files.choose_one",{name:we(l.name)})}</span></label></td>
<td class="file-name"><${O} name=${l.kind==="folder"?"folder":"file"} size="17" />
${l.kind==="folder"?s`<button type="button" class="link" onClick=${()=>$(l.name.replace(/\/$/,""))}>${we(l.name)}</button>`:s`<span title=${l.name}>${a?l.name:we(l.name)}</span>`}
${l.encrypted&&s`<${O} name="lock" size="14" /><span class="visually-hidden">${e("files.encrypted")}</span>`}</td>
<td class="number">${l.kind==="folder"?"":K(l.size)}</td>
<td class="date muted">${l.mtime?V(l.mtime):""}</td>
<td class="number">${l.kind==="file"&&!l.refused&&!l.encrypted&&s`<a class="icon-link" href=${b(l)} download=${we(l.name)} aria-label=${e("files.download",{name:we(l.name)})} title=${e("files.download",{name:we(l.name)})}><${O} name="download" size="17" /></a>`}</td>
</tr>`)}</tbody>
</table>
<p class="row-actions">${h&&s`<${D} class="small secondary" onClick=${m}>${e("files.more",{shown:c.length,n:v})}<//>`}</p>`}
<div class=${`files-foot${r.length>0?" some":""}`}>
<span role="status">${r.length>0?e("files.chosen",{n:r.length}):e("files.hint")}</span>
${r.length>0&&s`<button type="button" class="small plain" onClick=${()=>p([])}>${e("files.none")}</button>
<button type="button" class="small" onClick=${()=>ze(t,r)}>${e("files.restore")}</button>`}
</div>
<${S} command=${r.length>0?C("backups","restore",Z(t.name),...r.slice(0,3),"--to","DIR"):C("backups","files",Z(t.name),n)} />`}var _e=["files","copies","manifest","log"];function Mt({name:t,close:n}){let[o,a]=u(null),[i,r]=u(null),[p,c]=u("files"),h=()=>z(`/backups/${P(t)}`).then(a,r);E(()=>{h()},[t,$e.value]);let v=o?e("backup.title",{time:V(o.time)}):t;return s`<${F} kind="drawer" title=${v} subtitle=${t} close=${n}>
${!o&&!i&&s`<${j} lines="6" />`}
<${x} error=${i} />
${o&&s`
<div class="drawer-facts">
<span><strong>${K(o.size)}</strong>${o.members?s` · ${e("backup.members",{n:o.members})}`:""}</span>
<span class="hash"><code title=${o.sha256}>sha256 ${o.sha256?.slice(0,8)}…${o.sha256?.slice(-6)}</code>${o.sha256&&s`<${he} text=${o.sha256} />`}</span>
<${G} state=${o.copies.verified===o.copies.wanted?"verified":"partial"} kind=${o.copies.verified===o.copies.wanted?"state":"run"} small>${e("copies.some_verified",o.copies)}<//>
</div>
<div class="drawer-actions">
<a class="button small" role="button" href=${`${oe}/backups/${P(t)}/download`} download><${O} name="download" size="16" /><span>${e("backup.download")}</span></a>
<button type="button" class="small secondary" onClick=${()=>ze(o)}>${e("backup.restore_all")}</button>
<button type="button" class="small secondary" onClick=${()=>Ne(o,!o.pinned).then(h)} aria-pressed=${o.pinned?"true":"false"}><${O} name="pin" size="15" /><span>${e(o.pinned?"backup.unpin":"backup.pin")}</span></button>
<${ft} label=${e("backup.more")} class="small secondary" items=${[{label:e("backup.verify"),icon:"checkcircle",cli:C("backups","verify",Z(t)),run:()=>Xe(o)},{label:e("backup.repair"),icon:"wrench",cli:C("backups","repair",Z(t)),run:()=>Ae(o)},{label:e(o.pinned?"backup.unpin":"backup.pin"),icon:"pin",cli:C("backups",o.pinned?"unpin":"pin",Z(t)),run:()=>Ne(o,!o.pinned).then(h)},{label:e("backup.delete"),icon:"trash",danger:!0,cli:C("backups","delete",Z(t)),run:async()=>await St(o)&&n()}]} />
</div>
<${Ss} tab=${p} choose=${c} />
<div class="tab-panel" role="tabpanel" id="backup-panel" aria-labelledby=${`tab-${p}`}>
${p==="files"&&s`<${Lt} backup=${o} />`}
${p==="copies"&&s`<${Es} backup=${o} />`}
${p==="manifest"&&s`<${Bs} backup=${o} load=${h} />`}
${p==="log"&&s`<${Ds} backup=${o} />`}
</div>`}
<//>`}function Ss({tab:t,choose:n}){let o=nt(null);return s`<div class="tabs" role="tablist" ref=${o} onKeyDown=${i=>{let r=_e.indexOf(t),p={ArrowRight:r+1,ArrowLeft:r-1,Home:0,End:_e.length-1}[i.key];if(p===void 0)return;i.preventDefault();let c=_e[(p+_e.length)%_e.length];n(c),o.current.querySelector(`#tab-${c}`).focus()}}>
${_e.map(i=>s`<button type="button" role="tab" id=${`tab-${i}`} aria-selected=${i===t?"true":"false"} aria-controls="backup-panel" tabindex=${i===t?0:-1} onClick=${()=>n(i)}>${e(`tab.${i}`)}</button>`)}
</div>`}function Es({backup:t}){let n=o=>`${oe}${X(`/backups/${P(t.name)}/download`,{from:o})}`;return s`<ul class="copies-list">
${t.replicas.map(o=>s`<li>
<div class="copy-line"><strong>${o.provider}</strong><${G} state=${o.state} small /></div>
<p class="muted">${o.verified_at?s`<span title=${de(o.verified_at)}>${e("copies.verified_at",{time:ce(o.verified_at)})}</span>`:e("copies.not_verified")}${o.error?s`<br />${typeof o.error=="string"?o.error:o.error.message}`:""}</p>
<div class="copy-actions">
${o.state==="verified"&&s`<a class="button small secondary" role="button" href=${n(o.provider)} download>${e("copies.download_here")}</a>`}
${Bt(o)&&s`<button type="button" class="small" onClick=${()=>Ae(t)}>${e("backup.repair")}</button>`}
</div>
</li>`)}
</ul>
<div class="row-actions"><button type="button" class="small secondary" onClick=${()=>Xe(t)}>${e("backup.verify")}</button>
<button type="button" class="small secondary" onClick=${()=>Ae(t)}>${e("backup.repair")}</button></div>
<${S} command=${C("backups","show",Z(t.name))} />`}function Bs({backup:t,load:n}){let[o,a]=u(t.label||""),{run:i}=t,r=(p,c)=>c!=null&&c!==""&&s`<dt>${e(`manifest.${p}`)}</dt><dd>${c}</dd>`;return s`<dl class="facts wide-facts">
${r("name",s`<code>${t.name}</code>`)}
${r("made",de(t.time))}
${r("size",`${K(t.size)} (${e("manifest.bytes",{n:t.size})})`)}
${r("before",t.bytes_in&&`${K(t.bytes_in)} (${e("manifest.ratio",{percent:ie(100*t.size/t.bytes_in)})})`)}
${r("members",t.members&&ie(t.members))}
${r("encrypted",e(t.encrypted?"yes_aes":"no"))}
${r("sha256",s`<code class="breakable">${t.sha256}</code>`)}
${r("took",i?.took_ms&&`${me(i.took_ms)}${i.rate?` · ${Oe(i.rate)}`:""}`)}
${r("kept",t.pinned?e("manifest.pinned"):(t.kept_because||[]).join(" · "))}
${r("goes",t.fate==="remove"?(t.removed_because||[]).join(" · "):"")}
${t.ours===!1&&r("foreign",e("manifest.foreign_text"))}
</dl>
<form class="inline-form" onSubmit=${p=>(p.preventDefault(),Ne(t,t.pinned,o).then(n))}>
<${B} label=${e("manifest.label")} help=${e("manifest.label_help")} maxlength="80" value=${o} onInput=${p=>a(p.target.value)} />
<button type="submit" class="small secondary">${e("save")}</button>
</form>`}function Ds({backup:t}){let[n,o]=u(null),[a,i]=u(null);return E(()=>{z(X("/activity",{path:t.name,limit:100})).then(r=>o([...r.events].reverse()),i)},[$e.value]),s`
${t.run&&s`<${tt} run=${t.run} brief />`}
<${x} error=${a} />
${!n&&!a&&s`<${j} />`}
${n?.length===0&&s`<p class="muted">${e("activity.none")}</p>`}
${n?.length>0&&s`<ol class="events">${n.map(r=>s`<${qe} key=${r.id} event=${r} brief />`)}</ol>`}
<${S} command=${C("log","--path",t.name)} />`}var Kt={"7d":7,"30d":30,"365d":365},Is=["verified","queued","uploading","stored","missing","damaged","failed"],Vt=t=>Object.fromEntries(new URLSearchParams(t));function Os(){let{detail:t,part:n}=ue.value,[o,a]=u(()=>Vt(t?"":n)),i=pt(null);i.value||(i.value=new Ke);let r=i.value;E(()=>{!t&&n&&a(Vt(n))},[n]);let p={provider:o.provider,state:o.state,since:o.period&&new Date(Date.now()-Kt[o.period]*864e5).toISOString().replace(/\.\d+Z/,"Z")};E(()=>{r.load(p,!1)},[o.provider,o.state,o.period]),E(()=>{r.total.value!==null&&r.load(p,!0)},[$e.value]),E(()=>{if(!t||t==="")return;let m=!0;return fe(({close:g})=>s`<${Mt} name=${t} close=${g} />`).then(()=>m&&ue.value.page==="backups"&&ye("backups")),()=>{m=!1,je()}},[t]);let c=(m,g)=>{a({...o,[m]:g}),n&&Ue("backups")},h=r.total.value,v=!!(o.provider||o.state||o.period),f=(m,g,$)=>s`<label class="filter"><span>${g}</span><select value=${o[m]||""} onChange=${d=>c(m,d.target.value)}>
<option value="">${e("filter.all")}</option>${$.map(([d,b])=>s`<option value=${d}>${b}</option>`)}</select></label>`;return s`
<div class="page-head"><div><h1 tabindex="-1">${e("nav.backups")}</h1><p class="muted">${e("backups.about")}</p></div>
<div class="page-actions"><${D} icon="refresh" busy=${!!We.value} disabled=${He.value.length===0} onClick=${Ct}>${e("sync.now")}<//><${S} command=${C("sync")} /></div></div>
${We.value&&s`<${It} />`}
${(Se.value||[]).length>0&&s`<section class="card" aria-label=${e("timeline.title")}><${Ot} runs=${Se.value} days="60" /></section>`}
<div class="filters" role="search" aria-label=${e("filter.title")}>
${f("provider",e("filter.provider"),He.value.map(({name:m})=>[m,m]))}
${f("state",e("filter.state"),Is.map(m=>[m,e(`state.${m}`)]))}
${f("period",e("filter.period"),Object.keys(Kt).map(m=>[m,e(`filter.${m}`)]))}
${v&&s`<button type="button" class="plain small" onClick=${()=>(a({}),n&&Ue("backups"))}>${e("filter.reset")}</button>`}
<span class="muted push" role="status">${h===null?"":v&&r.cursor!==null?e("filter.shown",{n:r.rows.value.length}):e("filter.count",{n:h})}</span>
</div>
<${x} error=${r.error.value} />
${h===null&&!r.error.value&&s`<div class="card"><${j} lines="6" /></div>`}
${h===0&&s`<div class="card empty"><p>${e(v&&ge.value>0?"filter.nothing":"backups.none")}</p></div>`}
${h>0&&s`<div class="card flush"><${Dt} virtual label=${e("backups.grid")} total=${h} rowAt=${m=>r.rows.value[m]}
need=${(m,g)=>r.need(g)} onOpen=${m=>ye("backups",m.name)} /></div>
<${S} command=${C("backups","list",...o.provider?["--provider",o.provider]:[],...o.state?["--state",o.state]:[],...o.period?["--since",o.period]:[])} />`}`}function js(){return s`
<div class="page-head"><div><h1 tabindex="-1">${e("nav.providers")}</h1><p class="muted">${e("providers.about")}</p></div>
<div class="page-actions"><${D} icon="plus" onClick=${()=>Ge()}>${e("provider.add")}<//><${S} command=${C("providers","list")} /></div></div>
${yt.value?s`<div class="cards large">
${ee.value.map(t=>s`<${jt} key=${t.name} provider=${t} whole />`)}
<button type="button" class="card add-card" onClick=${()=>Ge()}><${O} name="plus" size="26" /><strong>${e("provider.add")}</strong><span class="muted">${e("provider.add_about")}</span></button>
</div>`:s`<div class="card"><${j} lines="4" /></div>`}`}var Ts=t=>({...t,excludeText:(t.exclude||[]).join(", ")}),Wt=({excludeText:t,...n})=>{let o=t.split(",").map(r=>r.trim()).filter(Boolean),{exclude:a,...i}=n;return{...i,...n.path!==void 0?{path:n.path.trim()}:{},...o.length>0?{exclude:o}:{}}};function Ee({error:t}){return t?s`<${x} error=${t}>${(t.data?.problems||[]).length>0&&s`<ul>${t.data.problems.map(n=>s`<li>${n.message}${n.hint?` (${n.hint})`:""}</li>`)}</ul>`}<//>`:null}function Ht(){let[t,n]=u(null),[o,a]=u("max"),[i,r]=u({}),[p,c]=u(null),[h,v]=u(!1),f=()=>{n((ne("backup.sources")||[]).map(Ts)),a(ne("backup.compression")||"max")};if(E(()=>{ae().then(f,c)},[]),!t)return p?s`<${x} error=${p} />`:s`<${j} />`;let m=(d,b,l)=>n(t.map((y,R)=>R===d?{...y,[b]:l}:y)),g=d=>n([...t,{kind:d,path:"",excludeText:""}]);return s`<form onSubmit=${async d=>{d.preventDefault();let b={};if(t.forEach((l,y)=>l.kind!=="command"&&!l.path?.trim()&&(b[`source-${y}`]=e("field.missing",{field:e("sources.path")}))),r(b),!(Object.keys(b).length>0)){v(!0),c(null);try{await ke({"backup.sources":t.map(Wt),...o!==ne("backup.compression")?{"backup.compression":o}:{}}),f(),N(e("settings.saved"))}catch(l){c(l),l.status===412&&ae().catch(()=>{})}v(!1)}}} novalidate>
<${J} problems=${i} />
${t.length===0&&s`<p class="empty-line">${e("sources.none")}</p>`}
<ul class="source-list">${t.map((d,b)=>s`<li key=${b}>
<span class="kind-icon"><${O} name=${d.kind==="sqlite"?"archive":d.kind==="command"?"terminal":"folder"} /></span>
<div class="source-fields">
${d.kind==="command"?s`<p><strong>${d.name}</strong><br /><code>${[].concat(d.command).join(" ")}</code></p>`:s`<${B} id=${`source-${b}`} label=${e(`sources.${d.kind}`)} placeholder=${d.kind==="sqlite"?"~/data/app.db":"~/documents"} value=${d.path} error=${i[`source-${b}`]} autocomplete="off" spellcheck="false"
onInput=${l=>m(b,"path",l.target.value)} />
${d.kind==="tree"&&s`<${B} label=${e("sources.exclude")} optional placeholder="*.tmp, cache/" value=${d.excludeText} autocomplete="off" spellcheck="false" onInput=${l=>m(b,"excludeText",l.target.value)} />`}`}
</div>
<button type="button" class="plain icon-only" aria-label=${e("sources.remove",{path:d.path||d.name||""})} title=${e("remove")} onClick=${()=>n(t.filter((l,y)=>y!==b))}><${O} name="trash" /></button>
</li>`)}</ul>
<div class="row-actions"><${D} class="small secondary" icon="plus" onClick=${()=>g("tree")}>${e("sources.add_tree")}<//><${D} class="small secondary" icon="plus" onClick=${()=>g("sqlite")}>${e("sources.add_sqlite")}<//></div>
<${B} label=${e("sources.compression")}>${d=>s`<select ...${d} value=${o} onChange=${b=>a(b.target.value)}>${["max","balanced","store"].map(b=>s`<option value=${b}>${e(`sources.compression_${b}`)}</option>`)}</select>`}<//>
<${Ee} error=${p} />
<div class="form-foot"><${S} command=${C("config","set","backup.sources",JSON.stringify(t.map(Wt)))} /><${D} type="submit" busy=${h}>${e("save")}<//></div>
<p class="help">${te.value&&e("settings.file",{file:te.value.file})}</p>
</form>`}var Ps=["1h","2h","4h","6h","8h","12h","1d","2d","7d"],Ve=t=>t.split(/[\s,;]+/).filter(Boolean),Fs=t=>/^([01]?\d|2[0-3]):[0-5]\d$/.test(t);function Jt(){let[t,n]=u(null),[o,a]=u([]),[i,r]=u(null),[p,c]=u(""),[h,v]=u(!1),f=l=>{n({enabled:l.enabled,mode:(l.at||[]).length>0?"at":"every",every:l.every,at:(l.at||[]).join(", "),catch_up:l.catch_up,on_battery:l.on_battery}),a(l.next||[])};E(()=>{z("/schedule").then(f,r)},[]);let m=l=>({enabled:l.enabled,...l.mode==="at"?{at:Ve(l.at)}:{at:[],every:l.every},catch_up:l.catch_up,on_battery:l.on_battery}),g=l=>l.mode!=="at"||Ve(l.at).length>0&&Ve(l.at).every(Fs);if(E(()=>{if(!t||!g(t))return;let l=setTimeout(()=>T("/schedule/preview",m(t)).then(y=>a(y.next),()=>{}),200);return()=>clearTimeout(l)},[t?.enabled,t?.mode,t?.every,t?.at]),!t)return i?s`<${x} error=${i} />`:s`<${j} />`;let $=(l,y)=>{n({...t,[l]:y}),c("")},d=async l=>{if(l.preventDefault(),!g(t))return c(e("schedule.at_rule"));v(!0),r(null);try{f(await De("/schedule",m(t))),N(e(t.enabled?"schedule.saved_on":"schedule.saved_off")),U().catch(()=>{})}catch(y){r(y)}v(!1)},b=t.enabled?C("auto-sync","on",...t.mode==="at"?["--at",Ve(t.at).join(",")]:["--every",t.every]):C("auto-sync","off");return s`<form onSubmit=${d} novalidate>
<${mt} label=${e("schedule.enabled")} checked=${t.enabled} onChange=${l=>$("enabled",l.target.checked)} />
<div class="two-even"><div>
<${Q} legend=${e("schedule.when")} name="mode" value=${t.mode} onChange=${l=>$("mode",l)} options=${[{value:"every",label:e("schedule.every")},{value:"at",label:e("schedule.at")}]} />
${t.mode==="every"?s`<${B} label=${e("schedule.pause")} help=${e("schedule.recommended")}>${l=>s`<select ...${l} value=${t.every} onChange=${y=>$("every",y.target.value)}>
${[...new Set([...Ps,t.every])].map(y=>s`<option value=${y}>${y.replace(/^(\d+)([hdm])$/,(R,I,k)=>e(`schedule.unit_${k}`,{n:Number(I)}))}</option>`)}</select>`}<//>`:s`<${B} id="schedule-at" label=${e("schedule.times")} help=${e("schedule.times_help")} placeholder="06:00, 18:00" value=${t.at} error=${p} onInput=${l=>$("at",l.target.value)} />`}
<${H} label=${e("schedule.catch_up")} checked=${t.catch_up} onChange=${l=>$("catch_up",l.target.checked)} />
<${H} label=${e("schedule.on_battery")} checked=${t.on_battery} onChange=${l=>$("on_battery",l.target.checked)} />
</div>
<div class="next-runs"><h3>${e("schedule.next")}</h3>
${!t.enabled||o.length===0?s`<p class="muted">${e("schedule.none")}</p>`:s`<ol>${o.map(l=>s`<li><span>${dt(l)}</span><strong>${ct(l)}</strong><span class="muted">${it(l)}</span></li>`)}</ol>`}
</div></div>
<${x} error=${i} />
<div class="form-foot"><${S} command=${b} /><${D} type="submit" busy=${h}>${e("save")}<//></div>
</form>`}var Ut=["keep_last","hourly","daily","weekly","monthly","yearly"],Gt=["min_verified_copies","trash_days","max_delete_percent"],st=50,Xt=t=>Object.fromEntries(Object.entries(t).map(([n,o])=>[n,Number(o)])),Zt=t=>/^\d+$/.test(String(t));function Yt(){let[t,n]=u(null),[o,a]=u(null),[i,r]=u(null),[p,c]=u("");E(()=>{z("/retention").then(n,r)},[]);let h=t&&[...Ut,...Gt].every(m=>Zt(t[m]));if(E(()=>{if(!h)return;let m=setTimeout(()=>T("/retention/preview",Xt(t)).then(g=>(a(g),r(null)),r),250);return()=>clearTimeout(m)},[JSON.stringify(t),$e.value]),!t)return i?s`<${x} error=${i} />`:s`<${j} />`;let v=async m=>{if(h){c(m?"prune":"save"),r(null);try{if(n(await De("/retention",Xt(t))),m){let g=await T("/retention/preview",{});a(g),await fe(({close:$})=>s`<${zs} plan=${g} close=${$} />`)}else N(e("settings.saved"))}catch(g){r(g)}c("")}},f=m=>s`<${B} id=${`retention-${m}`} label=${e(`retention.${m}`)} inputmode="numeric" value=${t[m]} error=${Zt(t[m])?"":e("field.number_rule")}
onInput=${g=>n({...t,[m]:g.target.value.trim()})} />`;return s`<form onSubmit=${m=>(m.preventDefault(),v(!1))} novalidate>
<div class="number-fields">${Ut.map(f)}</div>
<p class="help">${e("retention.help")}</p>
<details class="more"><summary>${e("retention.guards")}</summary><div class="number-fields">${Gt.map(f)}</div><p class="help">${e("retention.guards_help")}</p></details>
${o?s`<${Qt} plan=${o} />`:s`<${j} />`}
<${x} error=${i} />
<div class="form-foot"><${S} command=${C("backups","prune","--dry-run")} />
<${D} class="secondary" busy=${p==="prune"} disabled=${!!p||!h||!(o?.remove.length>0)} onClick=${()=>v(!0)}>${e("retention.save_prune")}<//>
<${D} type="submit" busy=${p==="save"} disabled=${!!p||!h}>${e("save")}<//></div>
</form>`}var Rs=t=>Object.values(t.freed_bytes||{}).reduce((n,o)=>n+o,0);function Qt({plan:t}){return s`<div class="plan" aria-live="polite">
<p><strong>${t.remove.length===0?e("retention.nothing",{n:t.keep.length}):e("retention.would",{keep:t.keep.length,n:t.remove.length,bytes:K(Rs(t))})}</strong></p>
${t.holds.length>0&&s`<${W} tone="warn" icon="alert"><p>${e("retention.held")}</p><ul>${t.holds.map(n=>s`<li>${n}</li>`)}</ul><//>`}
${t.remove.length>0&&s`<ul class="rows scroll" tabindex="0" aria-label=${e("retention.goes")}>${t.remove.slice(0,st).map(n=>s`<li><strong>${V(n.time)}</strong><span>${K(n.size)}</span><span class="muted">${(n.removed_because||[]).join(" · ")}</span></li>`)}
${t.remove.length>st&&s`<li class="muted">+ ${t.remove.length-st}</li>`}</ul>`}
</div>`}function zs({plan:t,close:n}){let[o,a]=u(!1),[i,r]=u(null),[p,c]=u(!1),h=t.holds.length>0,v=async()=>{c(!0),r(null);try{let f=o?await T("/retention/preview",{force:!0}):t,{removed:m}=await T("/prune",{plan_id:f.plan_id,force:o});N(e("retention.pruned",{n:m.length})),await U().catch(()=>{}),n(!0)}catch(f){r(f),c(!1)}};return s`<${F} title=${e("retention.prune_title",{n:t.remove.length})} subtitle=${e("retention.prune_about")} close=${n} busy=${p} onSubmit=${v}
footer=${s`<button type="button" class="secondary" data-autofocus disabled=${p} onClick=${()=>n()}>${e("cancel")}</button><${D} type="submit" class="danger" busy=${p} disabled=${h&&!o}>${e("retention.prune",{n:t.remove.length})}<//>`}>
<${Qt} plan=${t} />
${h&&t.can_be_forced&&s`<${H} label=${e("retention.force")} checked=${o} onChange=${f=>a(f.target.checked)} />`}
<${x} error=${i} />
<${S} command=${C("backups","prune",o&&"--force")} />
<//>`}var es=["degraded","at_risk","unprotected","recovered"];function ts(){let[t,n]=u(null),[o,a]=u(null),[i,r]=u(""),[p,c]=u(null),[h,v]=u({}),f=()=>z("/notifications").then(n,a);if(E(()=>{f()},[]),!t)return o?s`<${x} error=${o} />`:s`<${j} />`;let m=async l=>{a(null);try{return te.value||await ae(),await ke(l()),await f(),N(e("settings.saved")),!0}catch(y){return a(y),!1}},g=(l,y)=>m(()=>({"notify.on":es.filter(R=>R===l?y:t.on.includes(R))})),$=async l=>{l.preventDefault();let y={};/^[a-z0-9-]{1,32}$/.test(p.id)||(y["notify-id"]=e("field.name_rule")),/^https?:\/\/./.test(p.url)||(y["notify-url"]=e("notify.url_rule")),v(y),!(Object.keys(y).length>0)&&await m(()=>({"notify.targets":[...ne("notify.targets")||[],{id:p.id,type:"webhook",url:p.url}]}))&&c(null)},d=l=>m(()=>({"notify.targets":(ne("notify.targets")||[]).filter(y=>y.id!==l)})),b=async l=>{r(l);try{let y=await T(`/notifications/${P(l)}/test`);y.delivered?N(e("notify.delivered",{id:l})):N(e("notify.not_delivered",{id:l,why:y.error?.message||y.error||""}),"bad"),await f()}catch(y){Ce(y)}r("")};return s`
<fieldset class="checks"><legend>${e("notify.when")}</legend>${es.map(l=>s`<${H} label=${e(`notify.${l}`)} checked=${t.on.includes(l)} onChange=${y=>g(l,y.target.checked)} />`)}</fieldset>
<h3>${e("notify.targets")}</h3>
${t.targets.length===0&&s`<p class="empty-line">${e("notify.none")}</p>`}
<ul class="rows">${t.targets.map(l=>s`<li key=${l.id}>
<strong>${l.id}</strong><span class="tag">${l.type}</span><span class="muted grow">${l.url||l.to||""}</span>
${l.last?s`<${G} state=${l.last.delivered?"ok":"bad"} kind="check" small>${e(l.last.delivered?"notify.last_good":"notify.last_bad",{ago:l.last.at?ce(l.last.at):""})}<//>`:s`<span class="muted">${e("notify.never")}</span>`}
<${D} class="small secondary" busy=${i===l.id} onClick=${()=>b(l.id)}>${e("notify.test")}<//>
<button type="button" class="plain icon-only" aria-label=${e("notify.remove",{id:l.id})} title=${e("remove")} onClick=${()=>d(l.id)}><${O} name="trash" size="16" /></button>
</li>`)}</ul>
<${Ee} error=${o} />
${p?s`<form class="sub-form" onSubmit=${$} novalidate><${J} problems=${h} />
<div class="fields"><div class="narrow-field"><${B} id="notify-id" label=${e("field.name")} value=${p.id} error=${h["notify-id"]} autocomplete="off" onInput=${l=>c({...p,id:l.target.value})} /></div>
<div class="wide-field"><${B} id="notify-url" label=${e("notify.url")} help=${e("notify.url_help")} placeholder="https://ntfy.example.org/backups" value=${p.url} error=${h["notify-url"]} autocomplete="off" onInput=${l=>c({...p,url:l.target.value})} /></div></div>
<div class="row-actions"><button type="submit" class="small">${e("notify.add_now")}</button><button type="button" class="small secondary" onClick=${()=>c(null)}>${e("cancel")}</button></div></form>`:s`<div class="row-actions"><${D} class="small secondary" icon="plus" onClick=${()=>c({id:"ops",url:""})}>${e("notify.add")}<//></div>`}
<${S} command=${C("config","set","notify.targets","[…]")} />`}function ss(){return s`<${Ns} /><${qs} /><${Ls} />`}function Ns(){let[t,n]=u({old:"",fresh:""}),[o,a]=u({}),[i,r]=u(null),[p,c]=u(!1);return s`<form class="sub-form" onSubmit=${async v=>{v.preventDefault();let f={};if(t.old||(f["password-old"]=e("field.missing",{field:e("password.old")})),t.fresh.length<Ze&&(f["password-new"]=e("password.too_short",{n:Ze})),a(f),!(Object.keys(f).length>0)){c(!0),r(null);try{await T("/password",{old:t.old,new:t.fresh}),n({old:"",fresh:""}),N(e("password.changed"))}catch(m){r(m)}c(!1)}}} novalidate>
<h3>${e("password.title")}</h3>
<${J} problems=${o} />
<input type="text" name="username" autocomplete="username" value="admin" hidden readonly />
<div class="fields two-fields">
<div><${B} id="password-old" label=${e("password.old")} type="password" autocomplete="current-password" value=${t.old} error=${o["password-old"]} onInput=${v=>n({...t,old:v.target.value})} /></div>
<div><${B} id="password-new" label=${e("password.new")} type="password" autocomplete="new-password" value=${t.fresh} error=${o["password-new"]} onInput=${v=>n({...t,fresh:v.target.value})} /><${Tt} password=${t.fresh} /></div>
</div>
<${x} error=${i} />
<div class="form-foot"><${S} command=${C("admin","password")} /><${D} type="submit" class="secondary" busy=${p}>${e("password.change")}<//></div>
</form>`}function As(t){let n=(/(Firefox|Edg|OPR|Chrome|Safari)\//.exec((t||"").replace("HeadlessChrome","Chrome"))||[])[1],o=(/(Windows|Macintosh|Android|iPhone|iPad|Linux)/.exec(t||"")||[])[1],a={Edg:"Edge",OPR:"Opera",Macintosh:"macOS"};return n?[a[n]||n,a[o]||o].filter(Boolean).join(" · "):t||e("sessions.unknown")}function qs(){let[t,n]=u(null),[o,a]=u(null),i=()=>z("/sessions").then(p=>n(p.sessions),a);E(()=>{i()},[]);let r=async(p,c)=>{try{await xe(p),N(c),await i()}catch(h){Ce(h)}};return s`<div class="sub-form"><h3>${e("sessions.title")}</h3>
<${x} error=${o} />
${!t&&!o&&s`<${j} />`}
${t&&s`<ul class="rows">${t.map(p=>s`<li key=${p.id}>
<span class="grow"><strong>${As(p.agent)}</strong> ${p.current&&s`<span class="tag tag-new">${e("sessions.this")}</span>`}<br /><span class="muted">${p.address} · ${e("sessions.used",{ago:ce(p.last_used)})}</span></span>
${!p.current&&s`<button type="button" class="small secondary" onClick=${()=>r(`/sessions/${P(p.id)}`,e("sessions.ended"))}>${e("sessions.end")}</button>`}
</li>`)}</ul>
${t.length>1&&s`<div class="row-actions"><button type="button" class="small secondary" onClick=${()=>r("/sessions",e("sessions.all_ended"))}>${e("sessions.end_all")}</button></div>`}`}
<${S} command=${C("admin","sessions")} /></div>`}function Ls(){let[t,n]=u(null),[o,a]=u(null),[i,r]=u(null),[p,c]=u({}),[h,v]=u(null),f=()=>z("/tokens").then($=>n($.tokens),a);E(()=>{f()},[]);let m=async $=>{$.preventDefault();let d=i.name.trim()?{}:{"token-name":e("field.missing",{field:e("field.name")})};if(c(d),!(Object.keys(d).length>0)){a(null);try{v(await T("/tokens",{name:i.name.trim(),scope:i.scope,...Number(i.days)>0?{days:Number(i.days)}:{}})),r(null),await f()}catch(b){a(b)}}},g=async $=>{if(await ut({title:e("tokens.remove_title",{name:$.name}),text:e("tokens.remove_text"),yes:e("tokens.remove"),danger:!0,cli:s`<${S} command=${C("admin","token","remove",$.id)} />`}))try{await xe(`/tokens/${P($.id)}`),await f()}catch(d){Ce(d)}};return s`<div class="sub-form"><h3>${e("tokens.title")}</h3><p class="muted">${e("tokens.about")}</p>
${h&&s`<${W} tone="good" icon="key"><p>${e("tokens.made",{name:h.name})}</p><p class="token-line"><code class="breakable">${h.token}</code><${he} text=${h.token} /></p><//>`}
<${x} error=${o} />
${t?.length===0&&s`<p class="empty-line">${e("tokens.none")}</p>`}
${t?.length>0&&s`<ul class="rows">${t.map($=>s`<li key=${$.id}>
<span class="grow"><strong>${$.name}</strong> <span class="tag">${e(`scope.${$.scope}`)}</span><br /><span class="muted">${$.last_used?e("sessions.used",{ago:ce($.last_used)}):e("tokens.never_used")}${$.expires?` · ${e("tokens.expires",{time:V($.expires)})}`:""}</span></span>
<button type="button" class="plain icon-only" aria-label=${e("tokens.remove_one",{name:$.name})} title=${e("remove")} onClick=${()=>g($)}><${O} name="trash" size="16" /></button></li>`)}</ul>`}
${i?s`<form onSubmit=${m} novalidate><${J} problems=${p} /><div class="fields three-fields">
<div><${B} id="token-name" label=${e("field.name")} value=${i.name} error=${p["token-name"]} autocomplete="off" onInput=${$=>r({...i,name:$.target.value})} /></div>
<div><${B} label=${e("tokens.scope")}>${$=>s`<select ...${$} value=${i.scope} onChange=${d=>r({...i,scope:d.target.value})}>${["read","operate","admin"].map(d=>s`<option value=${d}>${e(`scope.${d}`)}</option>`)}</select>`}<//></div>
<div><${B} label=${e("tokens.days")}>${$=>s`<select ...${$} value=${i.days} onChange=${d=>r({...i,days:d.target.value})}>${[30,90,365,0].map(d=>s`<option value=${d}>${d===0?e("tokens.for_ever"):e("span.days_long",{n:d})}</option>`)}</select>`}<//></div>
</div><div class="row-actions"><button type="submit" class="small">${e("tokens.make")}</button><button type="button" class="small secondary" onClick=${()=>r(null)}>${e("cancel")}</button></div></form>`:s`<div class="row-actions"><${D} class="small secondary" icon="plus" onClick=${()=>(r({name:"",scope:"read",days:"90"}),v(null))}>${e("tokens.add")}<//></div>`}
<${S} command=${C("admin","token","add","--name",i?.name||"NAME","--scope",i?.scope||"read")} /></div>`}var Ms=["replication.min_replicas","replication.upload_limit","mount.dir","mount.cache_size","scrub.every","scrub.sample_percent","log.keep_days"],os=["replication.min_replicas","scrub.sample_percent","log.keep_days"],ns={"mount.close_waits_for":["all","journal"],"log.level":["debug","info","warning","error"]},Ks=["scrub.enabled","scrub.repair"];function rs(){let[t,n]=u({}),[o,a]=u(null),[i,r]=u(!1);E(()=>{te.value||ae().catch(a)},[]);let p=$=>t[$]??ne($)??"",c=($,d)=>n({...t,[$]:d}),h=$=>$.replace(".","_"),v=async $=>{$.preventDefault(),r(!0),a(null);try{let d=Object.fromEntries(Object.entries(t).map(([l,y])=>[l,y===""?null:os.includes(l)&&y!==""?Number(y):y])),b=await ke(d);n({}),N(e(b.needs_new_mount?"settings.saved_new_mount":"settings.saved"))}catch(d){a(d),d.status===412&&ae().catch(()=>{})}r(!1)},f=$=>s`<div><${B} label=${e(`setting.${h($)}`)} help=${te.value.list[$]?.overridden?e("settings.overridden"):e(`setting.${h($)}_help`)} value=${p($)} disabled=${te.value.list[$]?.overridden} inputmode=${os.includes($)?"numeric":void 0} autocomplete="off" spellcheck="false" onInput=${d=>c($,d.target.value)} /></div>`,m=$=>s`<div><${B} label=${e(`setting.${h($)}`)} help=${e(`setting.${h($)}_help`)}>${d=>s`<select ...${d} value=${p($)} onChange=${b=>c($,b.target.value)}>${[...new Set([...ns[$],p($)])].map(b=>s`<option value=${b}>${b}</option>`)}</select>`}<//></div>`,g=Object.keys(t);return s`
<${Q} legend=${e("setting.language")} name="language" value=${at.value} onChange=${lt} options=${Object.entries(rt).map(([$,d])=>({value:$,label:d}))} />
${te.value?s`<form onSubmit=${v} novalidate>
<div class="fields two-fields">${Ms.map(f)}${Object.keys(ns).map(m)}</div>
${Ks.map($=>s`<${H} label=${e(`setting.${h($)}`)} checked=${!!p($)} onChange=${d=>c($,d.target.checked)} />`)}
<${Ee} error=${o} />
<div class="form-foot"><${S} command=${g.length>0?C("config","set",g[0],String(t[g[0]])):C("config","show")} />
<a class="button secondary" role="button" href=${`${oe}/settings/download`} download><${O} name="download" size="16" /><span>${e("settings.download")}</span></a>
<${D} type="submit" busy=${i} disabled=${g.length===0}>${e("save")}<//></div>
</form>`:o?s`<${x} error=${o} />`:s`<${j} />`}
<${Vs} />`}function Vs(){let[t,n]=u(null),[o,a]=u(null),[i,r]=u(!1),p=async()=>{r(!0),a(null);try{n((await T("/doctor",{})).checks)}catch(c){a(c)}r(!1)};return s`<div class="sub-form"><h3>${e("doctor.title")}</h3><p class="muted">${e("doctor.about")}</p>
${t&&s`<ul class="rows" aria-live="polite">${t.map(c=>s`<li><${G} state=${c.state} kind="check" small /><strong>${c.check}</strong><span class="grow">${c.text}${c.fix?s`<br /><span class="muted">${c.fix}</span>`:""}</span></li>`)}</ul>`}
<${x} error=${o} />
<div class="form-foot"><${S} command=${C("doctor")} /><${D} class="secondary" icon="wrench" busy=${i} onClick=${p}>${e("doctor.run")}<//></div></div>`}var ot={sources:Ht,schedule:Jt,retention:Yt,notifications:ts,security:ss,general:rs};function Ws(){let{detail:t}=ue.value;return E(()=>{if(!ot[t])return;let n=document.getElementById(`settings-${t}`);n?.scrollIntoView({block:"start"}),n?.querySelector("h2")?.focus({preventScroll:!0})},[t]),s`
<div class="page-head"><div><h1 tabindex="-1">${e("nav.settings")}</h1><p class="muted">${e("settings.about")}</p></div></div>
<div class="settings">
<nav class="settings-nav" aria-label=${e("nav.settings")}><ul>${Object.keys(ot).map(n=>s`<li><a href=${Re("settings",n)} aria-current=${t===n?"true":void 0}>${e(`settings.${n}`)}</a></li>`)}</ul></nav>
<div class="settings-parts">${Object.entries(ot).map(([n,o])=>s`<section class="card" id=${`settings-${n}`} aria-labelledby=${`settings-${n}-title`} key=${n}>
<h2 id=${`settings-${n}-title`} tabindex="-1">${e(`settings.${n}`)}</h2><p class="muted">${e(`settings.${n}_about`)}</p><${o} /></section>`)}</div>
</div>`}export{ws as Activity,Os as Backups,$s as ConnectDialog,ps as ExplainDialog,fs as HelpDialog,js as Providers,hs as RestoreDialog,Ws as Settings,vs as SettingsDialog,Ye as SignIn,gs as TaskDialog,ls as TestDialog,ys as TrustDialog};
