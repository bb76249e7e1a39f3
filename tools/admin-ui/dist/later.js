import{$ as J,A as ve,Aa as Xe,B as ue,C as ft,D as ht,E as bt,F as pe,Fa as Dt,G as W,H as D,Ha as he,Ia as Me,J as vt,Ja as we,K as ce,Ka as Ze,L as Ne,La as Ot,Ma as It,N as T,O as gt,Oa as X,P as yt,Pa as jt,Q as ge,Qa as Ye,R as O,S as R,Sa as Le,T as De,Ta as Ke,Ua as Ve,V as S,Va as Qe,W as K,Wa as Ft,X as I,Xa as Pt,Y as H,Z as kt,Za as We,_ as te,aa as j,ab as Tt,b as p,ba as F,bb as zt,c as B,ca as wt,cb as Nt,d as dt,da as se,db as Rt,e as Fe,ea as _t,eb as qt,f as s,fa as Re,fb as Z,ga as qe,gb as ae,h as re,ha as Ae,hb as le,i as N,ia as ye,j as P,ja as me,jb as _e,k as Pe,ka as E,kb as et,l as Te,la as Y,lb as At,m as Be,ma as xt,n as U,na as Ct,o as z,oa as St,p as $t,pa as Et,q as ut,qa as oe,sa as ke,t as pt,ta as Oe,u as e,ua as Bt,v as mt,va as Ue,w as ee,x as $e,xa as fe,y as L,ya as Ge,z as ze,za as G}from"./shared.js";function xe({kind:t="dir",value:n,choose:o,...a}){return s`<div class="path-field"><${I} ...${a} value=${n} autocomplete="off" spellcheck=${!1} autocapitalize="none" onInput=${r=>o(r.target.value)} />
<button type="button" class="link path-browse" onClick=${async()=>{let r=await ce(({close:d})=>s`<${fs} kind=${t} start=${n} close=${d} />`);r&&o(r)}}>${e("path.browse")}<span class="visually-hidden"> ${a.label}</span></button></div>`}function fs({kind:t,start:n,close:o}){let[a,l]=p(null),[r,d]=p(null),i=f=>N(U("/folders",{path:f,kind:t})).then(h=>{l(h),d(null)},h=>{f&&!a?i(""):d(h)});return B(()=>{i(n&&/^[/~]/.test(n)?n:"")},[]),s`<${T} title=${e(t==="dir"?"path.title":"path.title_file")} subtitle=${a?.path} close=${o}
footer=${s`<button type="button" class="secondary" onClick=${()=>o()}>${e("cancel")}</button>
${t==="dir"&&s`<button type="button" disabled=${!a} onClick=${()=>o(a.path)}>${e("path.this")}</button>`}`}>
${!a&&!r&&s`<${F} lines="5" />`}
<${S} error=${r} />
${a&&s`<ul class="paths" aria-label=${a.path}>
${a.parent&&s`<li><button type="button" class="plain" onClick=${()=>i(a.parent)}><${D} name="folder" size="17" /><span>${e("path.up")}</span></button></li>`}
${a.entries.map(f=>s`<li key=${f.path}><button type="button" class="plain" onClick=${()=>f.dir?i(f.path):o(f.path)}>
<${D} name=${f.dir?"folder":"file"} size="17" /><span>${f.name}</span><span class="muted push">${f.dir?"":L(f.size)}</span></button></li>`)}
</ul>
${a.entries.length===0&&s`<p class="muted">${e("path.empty")}</p>`}
${a.complete===!1&&s`<p class="help">${e("path.incomplete")}</p>`}
${t==="dir"&&a.writable===!1&&s`<${K} tone="warn" icon="alert"><p>${e("path.read_only")}</p><//>`}`}
<//>`}var hs=t=>ee(`step.${t}`)?e(`step.${t}`):t;function ie({steps:t,running:n}){let a=n?["connect","write","read","hash","delete"].map(l=>({step:l})):t||[];return s`<ol class="steps" aria-live="polite">
${a.map(l=>s`<li class=${l.ok===void 0?"tone-quiet":l.ok?"tone-good":"tone-bad"}>
<${D} name=${l.ok===void 0?"refresh":l.ok?"checkcircle":"xcircle"} class=${l.ok===void 0?"spin":""} />
<span>${hs(l.step)}</span>
<span class="muted">${l.ok===void 0?"":l.ok?e("step.ms",{ms:$e(l.ms)}):e("step.failed")}</span>
</li>`)}
</ol>`}function bs({name:t,close:n}){let[o,a]=p(null),l=async()=>{a(null);try{a(await P(`/providers/${z(t)}/test`))}catch(r){a({error:r,steps:r.data?.steps||[]})}G().catch(()=>{})};return B(()=>{l()},[]),s`<${T} title=${e("test.title",{name:t})} subtitle=${e("test.about")} close=${n}
footer=${s`<${j} class="secondary" icon="refresh" busy=${!o} onClick=${l}>${e("test.again")}<//>
<button type="button" data-autofocus onClick=${()=>n()}>${e("close")}</button>`}>
<${ie} running=${!o} steps=${o?.steps} />
${o&&!o.error&&s`<p class="state tone-good"><${D} name="checkcircle" /><strong>${e("test.good",{name:t})}</strong></p>`}
<${S} error=${o?.error} />
<${O} command=${E("providers","test",t)} />
<//>`}var M=t=>`connect-${t}`;function Ce({field:t,type:n,values:o,set:a,problems:l}){let{key:r,number:d,example:i,choices:f,optional:h,fallback:b}=t,m={id:M(r),label:e(`field.${r}`),help:["path","folder","tls","base_url","ca_file","upload_limit"].includes(r)?e(`help.${r}`,{type:e(`kind.${n}`)}):void 0,error:l[M(r)],optional:h},v=o[r]??b??"";return r==="path"?s`<${xe} ...${m} value=${v} placeholder=${i} choose=${u=>a(r,u)} />`:f?s`<${I} ...${m}>${u=>s`<select ...${u} onChange=${$=>a(r,$.target.value)}>
${f.map($=>s`<option value=${$} selected=${$===v}>${e(`choice.${r}.${$}`)}</option>`)}</select>`}<//>`:s`<${I} ...${m} value=${v} placeholder=${i} inputmode=${d?"numeric":void 0} autocomplete="off" spellcheck=${!1}
autocapitalize="none" onInput=${u=>a(r,u.target.value)} />`}function Mt({type:t,back:n,close:o}){let a=se[t],l=[...a.fields,...a.more||[]],[r,d]=p(()=>({name:Ae(t,oe.value.map(C=>C.name)),signIn:"password",...Object.fromEntries(l.filter(C=>C.fallback).map(C=>[C.key,C.fallback]))})),[i,f]=p(null),[h,b]=p({}),[m,v]=p(null),u=(C,q)=>{d(be=>({...be,[C]:q})),(C==="host"||C==="port")&&f(null),v(null)},$=t==="sftp",y=$&&r.signIn==="key",c=t==="ftp"||$&&!y,_=!!m?.doing,g=()=>{let C={};ye(r.name)?oe.value.some(q=>q.name===r.name)&&(C[M("name")]=e("field.name_taken")):C[M("name")]=e("field.name_rule");for(let q of l)q.required&&!String(r[q.key]??"").trim()&&(C[M(q.key)]=e("field.missing",{field:e(`field.${q.key}`)}));return t==="local"&&r.path&&!/^[/~$]/.test(r.path.trim())&&(C[M("path")]=e("field.path_rule")),r.port&&!(Number(r.port)>=1&&Number(r.port)<=65535)&&(C[M("port")]=e("field.port_rule")),y&&!r.key_file?.trim()&&(C[M("key_file")]=e("field.missing",{field:e("field.key_file")})),c&&!r.password&&(C[M("password")]=e("field.missing",{field:e("field.password")})),$&&!i?.compared&&(C[M("hostkey")]=e(i?"hostkey.compare_first":"hostkey.fetch_first")),b(C),Object.keys(C).length===0},k=()=>{let C=me(l,r);$&&(C.host_key=i.fingerprint),y&&(C.key_file=r.key_file.trim());let q={};return c&&(q.password=r.password),y&&r.key_passphrase&&(q.key_passphrase=r.key_passphrase),{name:r.name,type:t,settings:C,secrets:q}},w=async C=>{if(g()){v({doing:C});try{if(C==="test"){let{steps:q,error:be}=await P("/provider-test",k());v({steps:q,error:be,good:!be})}else await P("/providers",{...k(),enabled:!0,test:!0}),await G().catch(()=>{}),R(e(ke.value>0?"connect.done_copying":"connect.done",{name:r.name})),o(r.name)}catch(q){v({error:q,steps:q.data?.steps})}}},V=async()=>{if(!r.host?.trim()){b({[M("host")]:e("field.missing",{field:e("field.host")})});return}v({doing:"key"});try{f(await P("/provider-host-key",{host:r.host.trim(),port:Number(r.port)||22})),v(null),b({})}catch(C){v({error:C})}},de=s`
${n&&s`<button type="button" class="plain push" disabled=${_} onClick=${n}>${e("back")}</button>`}
<${j} class="secondary" busy=${m?.doing==="test"} disabled=${_} onClick=${()=>w("test")}>${e("connect.test")}<//>
<${j} type="submit" busy=${m?.doing==="save"} disabled=${_}>${e("connect.save")}<//>`;return s`<${T} title=${e("connect.one",{kind:e(`kind.${t}`)})} subtitle=${e(`kind.${t}_about`)} close=${o} busy=${_} onSubmit=${()=>w("save")} footer=${de}>
<${J} problems=${h} />
<div class="fields">
${a.fields.map(C=>s`<div class=${Re(C)}><${Ce} ...${{field:C,type:t,values:r,set:u,problems:h}} /></div>`)}
</div>
${$&&s`<${te} legend=${e("signin.how")} name="signin" value=${r.signIn} onChange=${C=>u("signIn",C)}
options=${[{value:"password",label:e("signin.password")},{value:"key",label:e("signin.key"),help:e("signin.key_help")}]} />`}
${c&&s`<${I} id=${M("password")} label=${e("field.password")} type="password" autocomplete="off" error=${h[M("password")]}
help=${e("help.password")} value=${r.password||""} onInput=${C=>u("password",C.target.value)} />`}
${y&&s`<${I} id=${M("key_file")} label=${e("field.key_file")} placeholder="~/.ssh/id_ed25519" autocomplete="off" error=${h[M("key_file")]}
value=${r.key_file||""} onInput=${C=>u("key_file",C.target.value)} />
<${I} label=${e("field.key_passphrase")} optional type="password" autocomplete="off" value=${r.key_passphrase||""} onInput=${C=>u("key_passphrase",C.target.value)} />`}
${$&&s`<${vs} hostKey=${i} problem=${h[M("hostkey")]} busy=${_} fetching=${m?.doing==="key"} fetch=${V}
compared=${C=>f({...i,compared:C})} />`}
<${I} id=${M("name")} label=${e("field.name")} help=${e("help.name")} error=${h[M("name")]} value=${r.name} autocomplete="off" spellcheck=${!1}
onInput=${C=>u("name",C.target.value)} />
${a.more&&s`<details class="more"><summary>${e("connect.more")}</summary>
${a.more.map(C=>s`<${Ce} ...${{field:C,type:t,values:r,set:u,problems:h}} />`)}</details>`}
${(m?.doing==="test"||m?.doing==="save"||m?.steps)&&s`<${ie} running=${_} steps=${m.steps} />`}
${m?.good&&s`<${K} tone="good" icon="checkcircle"><p>${e("connect.tested")}</p><//>`}
<${S} error=${m?.error} />
<${O} command=${xt({...r,type:t,key_file:y&&(r.key_file||"FILE"),host_key:$&&(i?.fingerprint||"SHA256:…")})} />
<//>`}function vs({hostKey:t,problem:n,busy:o,fetching:a,fetch:l,compared:r}){return s`<fieldset class="hostkey" id=${M("hostkey")} tabindex="-1">
<legend>${e("hostkey.title")}</legend>
${!t&&s`<p class="help">${e("hostkey.about")}</p>
<${j} class="secondary" icon="key" busy=${a} disabled=${o} onClick=${l}>${e("hostkey.fetch")}<//>`}
${t&&s`<p class="muted">${e("hostkey.shows")}</p>
<p><code class="fingerprint">${t.fingerprint}</code></p>
<p class="help">${e("hostkey.compare")} <code>ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub</code></p>
<${H} label=${e("trust.compared")} checked=${!!t.compared} onChange=${d=>r(d.target.checked)} />`}
${n&&s`<p class="field-error"><${D} name="alert" size="15" />${n}</p>`}
</fieldset>`}var gs=1e3;function tt({attempt:t,title:n,type:o,again:a,done:l,close:r}){let[d,i]=p(""),[f,h]=p(""),[b,m]=p({status:t.mode==="paste"?"asking":"waiting"}),v=t.mode==="paste",u=b.status==="done"||b.status==="failed",$=k=>{m(k),k.status==="done"&&l(k)};B(()=>{if(u||v&&b.status==="asking")return;let k=setInterval(async()=>{try{$(await N(`/oauth/${z(t.state)}`))}catch(w){w.status!==0&&m({status:"failed",error:w})}},gs);return()=>clearInterval(k)},[u,b.status]);let y=async()=>{if(!(!v||b.status!=="asking")){if(!d.trim())return h(e("field.missing",{field:e("signin.code")}));h(""),m({status:"working"});try{$(await P("/oauth/finish",{state:t.state,code:d.trim()}))}catch(k){m({status:"failed",error:k,steps:k.data?.steps})}}},c=()=>{u||Be(`/oauth/${z(t.state)}`).catch(()=>{}),r()},_=e(o==="dropbox"?"kind.dropbox":"kind.google-drive"),g=t.mode==="device"&&t.verification_url||t.url;return s`<${T} title=${n} close=${c} onSubmit=${y}
footer=${s`${b.status==="failed"&&a&&s`<button type="button" class="secondary push" onClick=${a}>${e("signin.again")}</button>`}
<button type="button" class="secondary" onClick=${c}>${e("cancel")}</button>
${v&&!u&&s`<${j} type="submit" busy=${b.status==="working"}>${e("signin.finish")}<//>`}`}>
${t.mode&&!u&&s`<ol class="numbered">
<li><p>${e("signin.open_text",{where:_})}</p>
<a class="button" href=${g} target="_blank" rel="noopener noreferrer" data-autofocus role="button"><span>${e("signin.open",{where:_})}</span><${D} name="external" size="16" /></a></li>
${t.mode==="device"&&s`<li><p>${e("signin.type_code")}</p><p class="big-code"><code>${t.user_code}</code><${ge} text=${t.user_code} /></p></li>`}
${v&&s`<li><${I} label=${e("signin.paste_code")} help=${e("signin.paste_help")} error=${f} autocomplete="off" spellcheck=${!1} value=${d} onInput=${k=>i(k.target.value)} /></li>`}
${!v&&s`<li><p class="state tone-busy"><${D} name="refresh" class="spin" /><span aria-live="polite">${e(b.status==="working"?"signin.working":"signin.waiting")}</span></p></li>`}
</ol>`}
${!t.mode&&!u&&s`<p class="state tone-busy"><${D} name="refresh" class="spin" /><span>${e("signin.working")}</span></p>`}
${b.steps?.length>0&&s`<${ie} steps=${b.steps} />`}
${b.status==="done"&&s`<${K} tone="good" icon="checkcircle"><p>${e("signin.done")}</p><//>`}
<${S} error=${b.error} />
<//>`}var st={dropbox:[{way:"paste",mode:"paste",asks:["app_key"]},{way:"refresh_token",asks:["app_key","refresh_token","app_secret"]},{way:"token",asks:["token"]}],"google-drive":[{way:"redirect",mode:"redirect",asks:["client"]},{way:"device",mode:"device",asks:["client"]},{way:"paste",mode:"paste",asks:["client"]},{way:"service_account",asks:["service_account"]}]},Lt=["app_secret"],Kt=["client","service_account"],Vt=["app_key"],Q=t=>`cloud-${t}`;function Wt({type:t,existing:n,back:o,close:a}){let l=t==="dropbox"?"/ORACXPRED":"ORACXPRED",[r,d]=p({folder:l,name:n||Ae(t,oe.value.map(x=>x.name))}),[i,f]=p(st[t][0].way),[h,b]=p({}),[m,v]=p(null),[u,$]=p(null),y=st[t].find(x=>x.way===i),c=[...se[t].fields,...se[t].more],_=(x,A)=>d(ne=>({...ne,[x]:A})),g=!!m?.doing,k=()=>{let x={};for(let A of y.asks)!r[A]?.trim()&&!Lt.includes(A)&&!(n&&y.mode)&&(x[Q(A)]=e("field.missing",{field:e(`field.${A}`)}));for(let A of y.asks.filter(ne=>Kt.includes(ne)&&r[ne]?.trim()))try{JSON.parse(r[A])}catch{x[Q(A)]=e("field.json_rule")}return ye(r.name)?!n&&oe.value.some(A=>A.name===r.name)&&(x[Q("name")]=e("field.name_taken")):x[Q("name")]=e("field.name_rule"),b(x),Object.keys(x).length===0},w=async()=>{await G().catch(()=>{}),R(e(ke.value>0&&!n?"connect.done_copying":"connect.done",{name:r.name})),a(r.name)},V=async()=>{let x={mode:y.mode};n||Object.assign(x,{type:t,settings:me(c,r)}),r.app_key?.trim()&&(x.app_key=r.app_key.trim()),r.client?.trim()&&(x.client=r.client.trim()),$(await P(`/providers/${z(r.name)}/oauth/start`,x)),v(null)},de=async()=>{let x=me(c,r),A={};for(let ne of y.asks)r[ne]?.trim()&&((Vt.includes(ne)?x:A)[ne]=r[ne].trim());n?await Te(`/providers/${z(n)}`,{secrets:A,test:!0}):await P("/providers",{name:r.name,type:t,settings:x,secrets:A,enabled:!0,test:!0}),await w()},C=async()=>{if(k()){v({doing:!0});try{await(y.mode?V():de())}catch(x){v({error:x,steps:x.data?.steps})}}},q=e(n?"connect.again":"connect.one",{kind:e(`kind.${t}`),name:n});if(u)return s`<${tt} key=${u.state} attempt=${u} title=${q} type=${t} again=${()=>$(null)} done=${w} close=${a} />`;let be=x=>s`<${I} id=${Q(x)} label=${e(`field.${x}`)} help=${e(`help.${x}`)} error=${h[Q(x)]} optional=${Lt.includes(x)}
type=${Vt.includes(x)?"text":"password"} autocomplete="off" spellcheck=${!1} value=${r[x]||""} onInput=${A=>_(x,A.target.value)} />`;return s`<${T} title=${q} subtitle=${e(`kind.${t}_about`)} close=${a} busy=${g} onSubmit=${C}
footer=${s`${o&&s`<button type="button" class="plain push" onClick=${o}>${e("back")}</button>`}
<button type="button" class="secondary" disabled=${g} onClick=${()=>a()}>${e("cancel")}</button>
<${j} type="submit" busy=${g}>${e(y.mode?"signin.begin":"connect.save")}<//>`}>
<${J} problems=${h} />
<${te} legend=${e("signin.how")} name="way" value=${i} onChange=${x=>(f(x),v(null),b({}))}
options=${st[t].map(x=>({value:x.way,label:e(`way.${t}.${x.way}`),help:e(`way.${t}.${x.way}_help`)}))} />
${i==="token"&&s`<${K} tone="warn" icon="alert"><p>${e("signin.short_lived")}</p><//>`}
${y.asks.map(x=>Kt.includes(x)?s`<${ys} key=${x} name=${x} value=${r[x]} problem=${h[Q(x)]} set=${A=>_(x,A)} />`:be(x))}
${!n&&s`<div class="fields">
<div><${I} id=${Q("folder")} label=${e("field.folder")} help=${e("help.folder")} value=${r.folder} onInput=${x=>_("folder",x.target.value)} /></div>
<div><${I} id=${Q("name")} label=${e("field.name")} help=${e("help.name")} error=${h[Q("name")]} value=${r.name} spellcheck=${!1} onInput=${x=>_("name",x.target.value)} /></div>
</div>`}
${!n&&s`<details class="more"><summary>${e("connect.more")}</summary>${se[t].more.map(x=>s`<${Ce} ...${{field:x,type:t,values:r,set:_,problems:h}} />`)}</details>`}
${(m?.steps?.length>0||g&&!y.mode)&&s`<${ie} running=${g} steps=${m.steps} />`}
<${S} error=${m?.error} />
<${O} command=${E(t,...n?["connect"]:[],"--name",r.name,...n?[]:["--folder",r.folder])} />
<//>`}function ys({name:t,value:n,problem:o,set:a}){let l=async r=>{let d=r.target.files[0];d&&a(await d.text())};return s`<div class="json-field">
<${I} id=${Q(t)} label=${e(`field.${t}`)} help=${e(`help.${t}`)} error=${o}>
${r=>s`<textarea ...${r} rows="3" spellcheck=${!1} autocomplete="off" placeholder='{ "installed": { … } }' value=${n||""} onInput=${d=>a(d.target.value)}></textarea>`}
<//>
<label class="file-button"><input type="file" accept=".json,application/json" class="visually-hidden" onChange=${l} /><span>${e("field.choose_file")}</span></label>
</div>`}function ks({type:t,existing:n,close:o}){let[a,l]=p(t),r=t?void 0:()=>l(void 0);return a?qe(a)?s`<${Wt} key=${a} type=${a} existing=${n} back=${r} close=${o} />`:s`<${Mt} key=${a} type=${a} back=${r} close=${o} />`:s`<${ws} choose=${l} close=${o} />`}function ws({choose:t,close:n}){return s`<${T} title=${e("connect.title")} subtitle=${e("connect.about")} kind="wide" close=${n}>
<div class="tiles">
${["google-drive","dropbox","sftp","ftp","local"].filter(o=>se[o]).map(o=>s`<button type="button" class="tile" onClick=${()=>t(o)}>
<span class=${`kind-icon kind-${o}`}><${D} name=${vt[o]} size="22" /></span>
<span><strong>${e(`kind.${o}`)}</strong><span class="help">${e(`kind.${o}_about`)}</span></span>
<${D} name="chevron" class="tile-arrow" />
</button>`)}
</div>
<//>`}function _s({code:t,close:n}){let[o,a]=p(null),[l,r]=p(null);B(()=>{N(U("/explain",{code:t})).then(a,r)},[]);let d=ee(`code.${t}_next`)?e(`code.${t}_next`):o?.next;return s`<${T} title=${ee(`code.${t}`)?e(`code.${t}`):t} subtitle=${t} close=${n}
footer=${s`<button type="button" data-autofocus onClick=${()=>n()}>${e("close")}</button>`}>
${ee(`code.${t}_why`)&&s`<p>${e(`code.${t}_why`)}</p>`}
${d&&s`<p><strong>${e("error.next")}</strong> ${d}</p>`}
<${S} error=${l} />
<${O} command=${E("explain",t)} />
<//>`}var xs=[["s","keys.sync"],["/","keys.search"],["g o","nav.overview"],["g p","nav.providers"],["g b","nav.backups"],["g a","nav.activity"],["g s","nav.settings"],["?","keys.help"],["Esc","keys.close"],["↑ ↓ ← →","keys.grid"]];function Cs({close:t}){return s`<${T} title=${e("keys.title")} close=${t}
footer=${s`<button type="button" data-autofocus onClick=${()=>t()}>${e("close")}</button>`}>
<dl class="keys-list">
${xs.map(([n,o])=>s`<div><dt>${n.split(" ").map(a=>s`<kbd>${a}</kbd> `)}</dt><dd>${e(o)}</dd></div>`)}
</dl>
<${H} label=${e("keys.on")} help=${e("keys.on_help")} checked=${Ot.value} onChange=${n=>It(n.target.checked)} />
<p class="muted">oracxfs ${St.value?.version}</p>
<//>`}var ot=200;function Ss({backup:t,paths:n,close:o}){let[a,l]=p({to:"",from:"",overwrite:"never",passphrase:""}),[r,d]=p({}),[i,f]=p(null),h=($,y)=>l(c=>({...c,[$]:y})),b=async $=>{let y=a.to.trim()?{}:{"restore-to":e("field.missing",{field:e("restore.to")})};if(d(y),!(Object.keys(y).length>0)){f({doing:$?"dry":"real"});try{let c={to:a.to.trim(),overwrite:a.overwrite,verify:!0,dry_run:$};n.length>0&&(c.paths=n),a.from&&(c.from=a.from),a.passphrase&&(c.passphrase=a.passphrase);let{task:_}=await P(`/backups/${z(t.name)}/restore`,c),g=await Dt(_);f({task:g,dry:$,error:g.error})}catch(c){f({error:c})}}},m=!!i?.doing,v=i?.task&&!i.error,u=n.length===0?e("restore.everything"):e("restore.some",{n:n.length});return s`<${T} title=${e("restore.title",{time:W(t.time)})} subtitle=${u} close=${o} busy=${m} onSubmit=${()=>b(!1)}
footer=${s`<button type="button" class="secondary push" disabled=${m} onClick=${()=>o()}>${e(v&&!i.dry?"close":"cancel")}</button>
<${j} class="secondary" busy=${i?.doing==="dry"} disabled=${m} onClick=${()=>b(!0)}>${e("restore.dry")}<//>
<${j} type="submit" busy=${i?.doing==="real"} disabled=${m}>${e("restore.now")}<//>`}>
<${J} problems=${r} />
${n.length>0&&s`<ul class="chips">${n.slice(0,8).map($=>s`<li><code>${$}</code></li>`)}${n.length>8&&s`<li>+ ${n.length-8}</li>`}</ul>`}
<${xe} id="restore-to" label=${e("restore.to")} help=${e("restore.to_help")} placeholder="/srv/restored" error=${r["restore-to"]} value=${a.to} choose=${$=>h("to",$)} />
<div class="fields">
<div><${I} label=${e("restore.from")}>${$=>s`<select ...${$} value=${a.from} onChange=${y=>h("from",y.target.value)}>
<option value="">${e("restore.fastest")}</option>
${t.replicas.filter(y=>y.state==="verified").map(y=>s`<option value=${y.provider}>${y.provider}</option>`)}
</select>`}<//></div>
${t.encrypted&&s`<div><${I} label=${e("field.passphrase")} help=${e("restore.passphrase_help")} optional type="password" autocomplete="off" value=${a.passphrase} onInput=${$=>h("passphrase",$.target.value)} /></div>`}
</div>
<${te} legend=${e("restore.overwrite")} name="overwrite" value=${a.overwrite} onChange=${$=>h("overwrite",$)}
options=${["never","if-newer","always"].map($=>({value:$,label:e(`restore.overwrite_${$}`)}))} />
<div aria-live="polite">
${m&&s`<p class="state tone-busy"><${D} name="refresh" class="spin" /><span>${e("task.running")}</span></p>`}
${v&&(i.task.result?.problem_count>0?s`<${K} tone="warn" icon="alert"><p>${e("restore.problems",{n:i.task.result.problem_count})}</p>
<ul>${i.task.result.problems.slice(0,20).map($=>s`<li><code>${$.name||$.path||""}</code> ${$.why||""}</li>`)}</ul><//>`:s`<${K} tone=${i.dry?"quiet":"good"} icon=${i.dry?"eye":"checkcircle"}><p>${e(i.dry?"restore.dry_done":"restore.done",{to:a.to})}</p><//>`)}
</div>
${v&&i.task.rows?.length>0&&s`<ul class="rows scroll" tabindex="0" aria-label=${e("restore.rows")}>
${i.task.rows.slice(0,ot).map($=>s`<li><code>${$.path||$.name}</code><span class="muted">${[ee(`restored.${$.what}`)?e(`restored.${$.what}`):$.what,$.size===void 0?"":L($.size)].filter(Boolean).join(" · ")}</span></li>`)}
${i.task.rows.length>ot&&s`<li class="muted">+ ${i.task.rows.length-ot}</li>`}
</ul>`}
<${S} error=${i?.error} />
<${O} command=${E("backups","restore",Y(t.name),...n,"--to",a.to||"DIR",...a.from?["--from",a.from]:[],...a.overwrite==="never"?[]:["--overwrite",a.overwrite])} />
<//>`}function Es({name:t,close:n}){let[o,a]=p(null),[l,r]=p({}),[d,i]=p({}),[f,h]=p(null);B(()=>{N(`/providers/${z(t)}`).then(k=>{a(k),r({...k.settings,name:t})},k=>h({error:k}))},[]);let b=(k,w)=>r(V=>({...V,[k]:w})),{type:m}=o||{},v=se[m]||{fields:[],secrets:[]},u=[...v.fields,...v.more||[],...m==="local"?[]:_t],$=m==="sftp"||m==="ftp",y=o?.secrets?.password?.set?e("secret.set",{hint:o.secrets.password.hint||""}):e("secret.not_set"),c=()=>{let k={},w=me(u,l);for(let{key:de}of u){let C=o.settings[de]??null,q=w[de]??null;String(C??"")!==String(q??"")&&(k[de]=q)}let V={test:o.enabled};return Object.keys(k).length>0&&(V.settings=k),l.password&&(V.secrets={password:l.password}),l.name!==t&&(V.name=l.name),V},_=async()=>{if(!o)return;let k={};ye(l.name)||(k["connect-name"]=e("field.name_rule"));for(let w of u)w.required&&!String(l[w.key]??"").trim()&&(k[`connect-${w.key}`]=e("field.missing",{field:e(`field.${w.key}`)}));if(i(k),!(Object.keys(k).length>0)){h({doing:!0});try{await Te(`/providers/${z(t)}`,c()),await G().catch(()=>{}),R(e("provider.saved",{name:l.name})),n(!0)}catch(w){h({error:w,steps:w.data?.steps})}}},g=!!f?.doing;return s`<${T} title=${e("provider.settings_title",{name:t})} subtitle=${m&&e(`kind.${m}`)} close=${n} busy=${g} onSubmit=${_}
footer=${s`<button type="button" class="secondary" disabled=${g} onClick=${()=>n()}>${e("cancel")}</button>
<${j} type="submit" busy=${g} disabled=${!o}>${e("save")}<//>`}>
${!o&&!f?.error&&s`<${F} lines="5" />`}
<${J} problems=${d} />
${o&&s`
<div class="fields">${u.map(k=>s`<div class=${Re(k)}><${Ce} ...${{field:{...k,fallback:void 0},type:m,values:l,set:b,problems:d}} /></div>`)}</div>
${$&&s`<${I} label=${e("field.new_password")} optional help=${y} type="password" autocomplete="off" value=${l.password||""} onInput=${k=>b("password",k.target.value)} />`}
${qe(m)&&s`<p class="help">${e("provider.sign_in_elsewhere")}</p>`}
<${I} id="connect-name" label=${e("field.name")} help=${e("help.name")} error=${d["connect-name"]} value=${l.name} spellcheck=${!1} autocomplete="off" onInput=${k=>b("name",k.target.value)} />
${(f?.steps||g&&o.enabled)&&s`<${ie} running=${g} steps=${f.steps} />`}
<${O} command=${E("config","set",`providers.${t}.KEY`,"VALUE")} />`}
<${S} error=${f?.error} />
<//>`}var Bs={good:"verified",damaged:"damaged",missing:"missing",put_off:"paused",gone:"missing"},Ht=t=>(t?.copies?.map?t.copies:t?.replicas||[]).map(n=>({...n,state:Bs[n.outcome]||n.outcome||n.state}));function Ds({copy:t}){let n=t.error&&(typeof t.error=="string"?t.error:t.error.message);return s`<li><strong>${t.provider}</strong><${X} state=${t.state} small>${t.outcome==="put_off"?e("task.put_off"):void 0}<//>
${n&&s`<span class="muted">${n}</span>`}</li>`}function Os({kind:t,backup:n,begin:o,command:a,close:l}){let[r,d]=p(null),[i,f]=p(null);B(()=>{o().then(b=>{d(b),b.error&&f(b.error)},f)},[]);let h=!r&&!i;return s`<${T} title=${e(`task.${t}_title`,{time:W(n.time)})} subtitle=${e(`task.${t}_about`)} close=${l}
footer=${s`<button type="button" data-autofocus onClick=${()=>l()}>${e(h?"task.background":"close")}</button>`}>
<div aria-live="polite">
${h&&s`<p class="state tone-busy"><${D} name="refresh" class="spin" /><span>${e("task.running")}</span></p>`}
${r&&!i&&(r.result?.code?s`<p class="state tone-warn"><${D} name="alert" /><strong>${e(`task.${t}_not_all`)}</strong></p>`:s`<p class="state tone-good"><${D} name="checkcircle" /><strong>${e(`task.${t}_done`)}</strong></p>`)}
</div>
${Ht(r?.result).length>0&&s`<ul class="rows">${Ht(r.result).map(b=>s`<${Ds} copy=${b} />`)}</ul>`}
<${S} error=${i} />
<${O} command=${a} />
<//>`}function Is({name:t,close:n}){let[o,a]=p(null),[l,r]=p(!1),[d,i]=p(null),[f,h]=p(!1),b=`/providers/${z(t)}/trust-host`;B(()=>{P(b,{}).then(a,i)},[]);let m=async()=>{if(!(!l||!o)){h(!0),i(null);try{await P(b,{fingerprint:o.offered}),R(e("trust.done",{name:t})),await G(),n(!0)}catch(u){i(u),h(!1)}}},v=o&&o.known===o.offered;return s`<${T} title=${e("trust.title",{name:t})} subtitle=${e("trust.about")} close=${n} busy=${f} onSubmit=${m}
footer=${s`<button type="button" class="secondary" disabled=${f} onClick=${()=>n()}>${e("cancel")}</button>
<${j} type="submit" class="danger" busy=${f} disabled=${!l||!o}>${e("trust.accept")}<//>`}>
${!o&&!d&&s`<${F} />`}
${o&&s`
<dl class="facts keys">
<dt>${e("trust.known")}</dt><dd><code>${o.known||e("trust.none")}</code></dd>
<dt>${e("trust.offered")}</dt><dd><code class=${v?"":"differs"}>${o.offered}</code></dd>
</dl>
${v?s`<${K} tone="good" icon="checkcircle"><p>${e("trust.same")}</p><//>`:s`<${K} tone="warn" icon="alert"><p>${e("trust.warning")}</p><//>`}
<p>${e("trust.how")}</p>
<${O} label=${!1} command="ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" />
<${H} label=${e("trust.compared")} checked=${l} onChange=${u=>r(u.target.checked)} data-autofocus />
<${O} command=${E("config","set",`providers.${t}.host_key`,o.offered)} />`}
<${S} error=${d} />
<//>`}function nt({run:t,brief:n}){let o=(a,l)=>(l||l===0)&&s`<dt>${e(`run_fact.${a}`)}</dt><dd>${l}</dd>`;return s`<div class="run-result">
<p><${X} state=${t.state} kind="run" /> <span class="muted">${t.run} · <span title=${pe(t.started)}>${W(t.started)}</span></span></p>
${t.error&&s`<p class="tone-bad-text">${t.error} ${t.code&&s`<button type="button" class="link" onClick=${()=>Pt(t.code)}>${t.code}</button>`}</p>`}
<dl class="facts wide-facts">
${!n&&o("package",t.package&&s`<a href=${Me("backups",t.package)}>${t.package}</a>`)}
${o("took",t.took_ms!==void 0&&`${ve(t.took_ms)}${t.rate?` · ${ze(t.rate)}`:""}`)}
${o("packed",t.bytes_out>0&&e("run.packed_into",{from:L(t.bytes_in),to:L(t.bytes_out),members:$e(t.members||0)}))}
${o("label",t.label)}
${o("removed",t.removed?.length>0&&t.removed.join(", "))}
</dl>
${t.providers?.length>0&&s`<ul class="rows">${t.providers.map(a=>s`<li><strong>${a.provider}</strong><${X} state=${a.state} small />
${a.attempts>1&&s`<span class="muted">${e("transfer.attempt",{n:a.attempts})}</span>`}${a.error&&s`<span class="tone-bad-text">${a.error}</span>`}</li>`)}</ul>`}
${(t.problems?.length||0)>0&&s`<details><summary>${e("run.problems",{n:t.problems.length})}</summary><ul class="rows">${t.problems.map(a=>s`<li><code>${a.path||a.name||a.what}</code><span class="muted">${a.why||""}</span></li>`)}</ul></details>`}
</div>`}var rt=t=>ee(`run_kind.${t.kind}`)?e(`run_kind.${t.kind}`):t.kind;function Jt({name:t,close:n}){let[o,a]=p(null),[l,r]=p(null);return B(()=>{N(`/runs/${z(t)}`).then(a,r)},[t]),s`<${T} kind="wide" title=${e("run.one",{name:t})} subtitle=${o&&rt(o)} close=${n}
footer=${s`<button type="button" data-autofocus onClick=${()=>n()}>${e("close")}</button>`}>
${!o&&!l&&s`<${F} />`}
${o&&s`<${nt} run=${o} />`}
<${S} error=${l} />
<//>`}var js=1e3,Ut=["info","warning","error"],Gt=(t,{provider:n,level:o,text:a})=>(!n||t.provider===n||(t.providers||[]).includes(n))&&(!o||Ut.indexOf(t.level)>=Ut.indexOf(o))&&(!a||`${mt(t)} ${t.path||""} ${t.code||""} ${t.provider||""}`.toLowerCase().includes(a.toLowerCase()));function Fs(){let{detail:t}=he.value,[n,o]=p({provider:"",level:"",text:""}),[a,l]=p([]),[r,d]=p(void 0),[i,f]=p(null),[h,b]=p(null),[m,v]=p(!1),u=(w,V)=>o({...n,[w]:V}),$={provider:n.provider,level:n.level};B(()=>{l([]),d(void 0),Xe($).then(w=>{l(w.list),d(w.older)},b)},[n.provider,n.level]),B(()=>{if(!t)return;let w=!0;return ce(({close:V})=>s`<${Jt} name=${t} close=${V} />`).then(()=>w&&we("activity")),()=>{w=!1,Ne()}},[t]);let y=new Set,c=[...Bt.value||[],...a].filter(w=>!y.has(w.seq)&&y.add(w.seq)).sort((w,V)=>V.seq-w.seq),_=i===null?0:c.filter(w=>w.seq>i&&Gt(w,n)).length,g=c.filter(w=>Gt(w,n)&&(i===null||w.seq<=i)).slice(0,js),k=async()=>{v(!0);try{let w=await Xe($,r);l([...a,...w.list]),d(w.older)}catch(w){b(w)}v(!1)};return s`
<div class="page-head"><div><h1 tabindex="-1">${e("nav.activity")}</h1><p class="muted">${e("activity.about")}</p></div>
<div class="page-actions"><${O} command=${E("log","-f")} /></div></div>
<section aria-labelledby="runs-title"><h2 id="runs-title">${e("activity.runs")}</h2><div class="card flush"><${Ps} /></div></section>
<section aria-labelledby="log-title">
<div class="section-head"><h2 id="log-title">${e("activity.log")}</h2>
${Ct.value==="live"&&i===null&&s`<span class="live-sign"><span class="dot"></span>${e("activity.live")}</span>`}</div>
<div class="filters" role="search" aria-label=${e("filter.title")}>
<label class="search"><span class="visually-hidden">${e("activity.search")}</span><${D} name="search" size="16" /><input type="search" placeholder=${e("activity.search")} value=${n.text} onInput=${w=>u("text",w.target.value)} /></label>
<label class="filter"><span>${e("filter.provider")}</span><select value=${n.provider} onChange=${w=>u("provider",w.target.value)}><option value="">${e("filter.all")}</option>${oe.value.map(({name:w})=>s`<option value=${w}>${w}</option>`)}</select></label>
<label class="filter"><span>${e("filter.level")}</span><select value=${n.level} onChange=${w=>u("level",w.target.value)}><option value="">${e("filter.all")}</option><option value="warning">${e("level.warning_up")}</option><option value="error">${e("level.error")}</option></select></label>
<div class="push row-actions"><button type="button" class="small secondary" aria-pressed=${i!==null} onClick=${()=>f(i===null?c[0]?.seq??0:null)}><${D} name=${i===null?"pause":"play"} size="15" /><span>${i===null?e("activity.pause"):e("activity.resume",{n:_})}</span></button>
<a class="button small secondary" role="button" href=${`${re}${U("/activity",{limit:1e3,...$})}`} download="oracxfs-activity.json"><${D} name="download" size="15" /><span>${e("activity.download")}</span></a></div>
</div>
<${S} error=${h} />
<div class="card flush">
${c.length===0&&!h&&r===void 0&&s`<${F} lines="6" />`}
${g.length===0&&(r!==void 0||c.length>0)&&s`<p class="muted empty">${e("activity.none")}</p>`}
<ol class="events" aria-label=${e("activity.log")}>${g.map(w=>s`<${We} key=${w.seq} event=${w} />`)}</ol>
</div>
${typeof r=="number"&&s`<p class="row-actions"><${j} class="secondary small" busy=${m} onClick=${k}>${e("activity.older")}<//></p>`}
</section>`}function Ps(){let[t,n]=p(6),o=Oe.value;return o?o.length===0?s`<p class="muted empty">${e("activity.no_runs")}</p>`:s`<table class="runs"><thead><tr><th scope="col">${e("run_fact.started")}</th><th scope="col">${e("run_fact.result")}</th><th scope="col" class="copies-column">${e("copies.copies")}</th><th scope="col" class="number">${e("copies.size")}</th><th scope="col" class="number took">${e("run_fact.took")}</th><th scope="col"><span class="visually-hidden">${e("run.details")}</span></th></tr></thead>
<tbody>${o.slice(0,t).map(a=>s`<tr key=${a.run}>
<td title=${pe(a.started)}>${W(a.started)}${a.kind==="backup"?"":s` <span class="tag">${rt(a)}</span>`}</td>
<td><${X} state=${a.state} kind="run" small /></td>
<td class="copies-column">${a.wanted?e("fact.copies_of",{verified:a.verified,wanted:a.wanted}):"–"}</td>
<td class="number">${a.bytes_out?L(a.bytes_out):"–"}</td><td class="number took">${a.took_ms===void 0?"–":ve(a.took_ms)}</td>
<td class="number"><button type="button" class="link" onClick=${()=>we("activity",a.run)}>${e("run.details")}<span class="visually-hidden"> ${a.run}</span></button></td></tr>`)}</tbody></table>
${o.length>t&&s`<p class="row-actions table-foot"><button type="button" class="small plain" onClick=${()=>n(t+20)}>${e("activity.more_runs")}</button></p>`}`:s`<${F} />`}var Ie=100,He=class{constructor(){this.rows=Fe(new Map),this.total=Fe(null),this.error=Fe(null),this.filter={},this.round=0,this.seen={first:0,last:0},this.fetched=new Set}async load(n,o){this.round+=1,this.filter=n,this.fetched.clear(),o||(this.rows.value=new Map,this.total.value=null,this.seen={first:0,last:0}),await this.need(this.seen.first,this.seen.last)}async need(n,o){this.seen={first:n,last:o};let a=[];for(let l=Math.floor(n/Ie);l<=Math.floor(o/Ie);++l)this.fetched.has(l)||a.push(l);await Promise.all(a.map(l=>this.fetch(l)))}async fetch(n){let{round:o}=this;this.fetched.add(n);try{let a=await N(U("/backups",{...this.filter,limit:Ie,offset:n*Ie}));if(o!==this.round)return;let l=new Map(this.rows.value);a.backups.forEach((d,i)=>l.set(n*Ie+i,d));let r=a.matching??a.total;for(let d of l.keys())d>=r&&l.delete(d);this.rows.value=l,this.total.value=r,this.error.value=null}catch(a){if(o!==this.round)return;this.fetched.delete(n),this.error.value=a}}};var Ts=200,Se=t=>t.replace(/\/$/,"").split("/").pop();function zs(t,n,o){let[a,l]=p({files:null,next:null,count:0,error:null}),r=i=>N(U(`/backups/${z(t)}/files`,{path:n,q:o,limit:Ts,cursor:i}));return B(()=>{let i=!0,f=setTimeout(async()=>{try{let h=await r("");i&&l({files:h.files,next:h.next,count:h.count,error:null})}catch(h){i&&l({files:null,next:null,count:0,error:h})}},o?250:0);return()=>{i=!1,clearTimeout(f)}},[t,n,o]),{...a,more:async()=>{let i=await r(a.next);l({...a,files:[...a.files,...i.files],next:i.next})}}}function Xt({backup:t}){let[n,o]=p(""),[a,l]=p(""),[r,d]=p([]),{files:i,next:f,count:h,error:b,more:m}=zs(t.name,n,a.trim()),v=n?n.replace(/\/$/,"").split("/"):[],u=c=>{o(c),l(""),document.getElementById("files-here")?.focus()},$=(c,_)=>d(_?[...r,c]:r.filter(g=>g!==c)),y=c=>`${re}${U(`/backups/${z(t.name)}/file`,c.name_b64?{path_b64:c.name_b64}:{path:c.name})}`;return s`
<div class="files-bar">
<nav class="crumbs" aria-label=${e("files.where")}><button type="button" class="link" id="files-here" onClick=${()=>u("")}>${e("files.root")}</button>
${v.map((c,_)=>s`<span aria-hidden="true">/</span><button type="button" class="link" onClick=${()=>u(v.slice(0,_+1).join("/"))}>${c}</button>`)}</nav>
<label class="search"><span class="visually-hidden">${e("files.search")}</span><${D} name="search" size="16" />
<input type="search" placeholder=${e("files.search")} value=${a} onInput=${c=>l(c.target.value)} /></label>
</div>
<${S} error=${b} />
${!i&&!b&&s`<${F} lines="5" />`}
${i?.length===0&&s`<p class="muted empty">${e(a?"files.nothing":"files.empty")}</p>`}
${i?.length>0&&s`<table class="files">
<thead><tr><th scope="col"><span class="visually-hidden">${e("files.choose")}</span></th><th scope="col">${e("files.name")}</th><th scope="col" class="number">${e("copies.size")}</th><th scope="col" class="date">${e("files.changed")}</th><th scope="col"><span class="visually-hidden">${e("files.actions")}</span></th></tr></thead>
<tbody>${i.map(c=>s`<tr key=${c.name}>
<td><label class="tick"><input type="checkbox" checked=${r.includes(c.name)} onChange=${_=>$(c.name,_.target.checked)} /><span class="visually-hidden">${e("files.choose_one",{name:Se(c.name)})}</span></label></td>
<td class="file-name"><${D} name=${c.kind==="folder"?"folder":"file"} size="17" />
${c.kind==="folder"?s`<button type="button" class="link" onClick=${()=>u(c.name.replace(/\/$/,""))}>${Se(c.name)}</button>`:s`<span title=${c.name}>${a?c.name:Se(c.name)}</span>`}
${c.encrypted&&s`<${D} name="lock" size="14" /><span class="visually-hidden">${e("files.encrypted")}</span>`}</td>
<td class="number">${c.kind==="folder"?"":L(c.size)}</td>
<td class="date muted">${c.mtime?W(c.mtime):""}</td>
<td class="number">${c.kind==="file"&&!c.refused&&!c.encrypted&&s`<a class="icon-link" href=${y(c)} download=${Se(c.name)} aria-label=${e("files.download",{name:Se(c.name)})} title=${e("files.download",{name:Se(c.name)})}><${D} name="download" size="17" /></a>`}</td>
</tr>`)}</tbody>
</table>
<p class="row-actions">${f&&s`<${j} class="small secondary" onClick=${m}>${e("files.more",{shown:i.length,n:h})}<//>`}</p>`}
<div class=${`files-foot${r.length>0?" some":""}`}>
<span role="status">${r.length>0?e("files.chosen",{n:r.length}):e("files.hint")}</span>
${r.length>0&&s`<button type="button" class="small plain" onClick=${()=>d([])}>${e("files.none")}</button>
<button type="button" class="small" onClick=${()=>Le(t,r)}>${e("files.restore")}</button>`}
</div>
<${O} command=${r.length>0?E("backups","restore",Y(t.name),...r.slice(0,3),"--to","DIR"):E("backups","files",Y(t.name),n)} />`}var Ee=["files","copies","manifest","log"];function Zt({name:t,close:n}){let[o,a]=p(null),[l,r]=p(null),[d,i]=p("files"),f=()=>N(`/backups/${z(t)}`).then(a,r);B(()=>{f()},[t,fe.value]);let h=o?e("backup.title",{time:W(o.time)}):t;return s`<${T} kind="drawer" title=${h} subtitle=${t} close=${n}>
${!o&&!l&&s`<${F} lines="6" />`}
<${S} error=${l} />
${o&&s`
<div class="drawer-facts">
<span><strong>${L(o.size)}</strong>${o.members?s` · ${e("backup.members",{n:o.members})}`:""}</span>
<span class="hash"><code title=${o.sha256}>sha256 ${o.sha256?.slice(0,8)}…${o.sha256?.slice(-6)}</code>${o.sha256&&s`<${ge} text=${o.sha256} />`}</span>
<${X} state=${o.copies.verified===o.copies.wanted?"verified":"partial"} kind=${o.copies.verified===o.copies.wanted?"state":"run"} small>${e("copies.some_verified",o.copies)}<//>
</div>
<div class="drawer-actions">
<a class="button small" role="button" href=${`${re}/backups/${z(t)}/download`} download><${D} name="download" size="16" /><span>${e("backup.download")}</span></a>
<button type="button" class="small secondary" onClick=${()=>Le(o)}>${e("backup.restore_all")}</button>
<button type="button" class="small secondary" onClick=${()=>Ke(o,!o.pinned).then(f)} aria-pressed=${o.pinned?"true":"false"}><${D} name="pin" size="15" /><span>${e(o.pinned?"backup.unpin":"backup.pin")}</span></button>
<${wt} label=${e("backup.more")} class="small secondary" items=${[{label:e("backup.verify"),icon:"checkcircle",cli:E("backups","verify",Y(t)),run:()=>Qe(o)},{label:e("backup.repair"),icon:"wrench",cli:E("backups","repair",Y(t)),run:()=>Ve(o)},{label:e(o.pinned?"backup.unpin":"backup.pin"),icon:"pin",cli:E("backups",o.pinned?"unpin":"pin",Y(t)),run:()=>Ke(o,!o.pinned).then(f)},{label:e("backup.delete"),icon:"trash",danger:!0,cli:E("backups","delete",Y(t)),run:async()=>await Ft(o)&&n()}]} />
</div>
<${Ns} tab=${d} choose=${i} />
<div class="tab-panel" role="tabpanel" id="backup-panel" aria-labelledby=${`tab-${d}`}>
${d==="files"&&s`<${Xt} backup=${o} />`}
${d==="copies"&&s`<${Rs} backup=${o} />`}
${d==="manifest"&&s`<${qs} backup=${o} load=${f} />`}
${d==="log"&&s`<${As} backup=${o} />`}
</div>`}
<//>`}function Ns({tab:t,choose:n}){let o=dt(null);return s`<div class="tabs" role="tablist" ref=${o} onKeyDown=${l=>{let r=Ee.indexOf(t),d={ArrowRight:r+1,ArrowLeft:r-1,Home:0,End:Ee.length-1}[l.key];if(d===void 0)return;l.preventDefault();let i=Ee[(d+Ee.length)%Ee.length];n(i),o.current.querySelector(`#tab-${i}`).focus()}}>
${Ee.map(l=>s`<button type="button" role="tab" id=${`tab-${l}`} aria-selected=${l===t?"true":"false"} aria-controls="backup-panel" tabindex=${l===t?0:-1} onClick=${()=>n(l)}>${e(`tab.${l}`)}</button>`)}
</div>`}function Rs({backup:t}){let n=o=>`${re}${U(`/backups/${z(t.name)}/download`,{from:o})}`;return s`<ul class="copies-list">
${t.replicas.map(o=>s`<li>
<div class="copy-line"><strong>${o.provider}</strong><${X} state=${o.state} small /></div>
<p class="muted">${o.verified_at?s`<span title=${pe(o.verified_at)}>${e("copies.verified_at",{time:ue(o.verified_at)})}</span>`:e("copies.not_verified")}${o.error?s`<br />${typeof o.error=="string"?o.error:o.error.message}`:""}</p>
<div class="copy-actions">
${o.state==="verified"&&s`<a class="button small secondary" role="button" href=${n(o.provider)} download>${e("copies.download_here")}</a>`}
${Tt(o)&&s`<button type="button" class="small" onClick=${()=>Ve(t)}>${e("backup.repair")}</button>`}
</div>
</li>`)}
</ul>
<div class="row-actions"><button type="button" class="small secondary" onClick=${()=>Qe(t)}>${e("backup.verify")}</button>
<button type="button" class="small secondary" onClick=${()=>Ve(t)}>${e("backup.repair")}</button></div>
<${O} command=${E("backups","show",Y(t.name))} />`}function qs({backup:t,load:n}){let[o,a]=p(t.label||""),{run:l}=t,r=(d,i)=>(i||i===0)&&s`<dt>${e(`manifest.${d}`)}</dt><dd>${i}</dd>`;return s`<dl class="facts wide-facts">
${r("name",s`<code>${t.name}</code>`)}
${r("made",pe(t.time))}
${r("size",`${L(t.size)} (${e("manifest.bytes",{n:t.size})})`)}
${r("before",t.bytes_in&&`${L(t.bytes_in)} (${e("manifest.ratio",{percent:$e(100*t.size/t.bytes_in)})})`)}
${r("members",t.members&&$e(t.members))}
${r("encrypted",e(t.encrypted?"yes_aes":"no"))}
${r("sha256",s`<code class="breakable">${t.sha256}</code>`)}
${r("took",l?.took_ms&&`${ve(l.took_ms)}${l.rate?` · ${ze(l.rate)}`:""}`)}
${r("kept",t.pinned?e("manifest.pinned"):(t.kept_because||[]).join(" · "))}
${r("goes",t.fate==="remove"?(t.removed_because||[]).join(" · "):"")}
${t.ours===!1&&r("foreign",e("manifest.foreign_text"))}
</dl>
<form class="inline-form" onSubmit=${d=>(d.preventDefault(),Ke(t,t.pinned,o).then(n))}>
<${I} label=${e("manifest.label")} help=${e("manifest.label_help")} maxlength="80" value=${o} onInput=${d=>a(d.target.value)} />
<button type="submit" class="small secondary">${e("save")}</button>
</form>`}function As({backup:t}){let[n,o]=p(null),[a,l]=p(null);return B(()=>{N(U("/activity",{path:t.name,limit:100})).then(r=>o([...r.events].reverse()),l)},[fe.value]),s`
${t.run&&s`<${nt} run=${t.run} brief />`}
<${S} error=${a} />
${!n&&!a&&s`<${F} />`}
${n?.length===0&&s`<p class="muted">${e("activity.none")}</p>`}
${n?.length>0&&s`<ol class="events">${n.map(r=>s`<${We} key=${r.seq} event=${r} brief />`)}</ol>`}
<${O} command=${E("log","--path",t.name)} />`}var Yt={"7d":7,"30d":30,"365d":365},Ms=["verified","queued","uploading","stored","missing","damaged","failed"],Qt=t=>Object.fromEntries(new URLSearchParams(t));function Ls(){let{detail:t,part:n}=he.value,[o,a]=p(()=>Qt(t?"":n)),l=yt(null);l.value||(l.value=new He);let r=l.value;B(()=>{!t&&n&&a(Qt(n))},[n]);let d={provider:o.provider,state:o.state,q:o.q,since:o.period&&new Date(Date.now()-Yt[o.period]*864e5).toISOString().replace(/\.\d+Z/,"Z")};B(()=>{r.load(d,!1)},[o.provider,o.state,o.period,o.q]),B(()=>{r.total.value!==null&&r.load(d,!0)},[fe.value]),B(()=>{if(!t||t==="")return;let m=!0;return ce(({close:v})=>s`<${Zt} name=${t} close=${v} />`).then(()=>m&&he.value.page==="backups"&&we("backups")),()=>{m=!1,Ne()}},[t]);let i=(m,v)=>{a({...o,[m]:v}),n&&Ze("backups")},f=r.total.value,h=!!(o.provider||o.state||o.period||o.q),b=(m,v,u)=>s`<label class="filter"><span>${v}</span><select value=${o[m]||""} onChange=${$=>i(m,$.target.value)}>
<option value="">${e("filter.all")}</option>${u.map(([$,y])=>s`<option value=${$}>${y}</option>`)}</select></label>`;return s`
<div class="page-head"><div><h1 tabindex="-1">${e("nav.backups")}</h1><p class="muted">${e("backups.about")}</p></div>
<div class="page-actions"><${j} icon="refresh" busy=${!!Ue.value} disabled=${Ge.value.length===0} onClick=${jt}>${e("sync.now")}<//><${O} command=${E("sync")} /></div></div>
${Ue.value&&s`<${Nt} />`}
${(Oe.value||[]).length>0&&s`<section class="card" aria-label=${e("timeline.title")}><${Rt} runs=${Oe.value} days="60" /></section>`}
<div class="filters" role="search" aria-label=${e("filter.title")}>
<label class="search"><span class="visually-hidden">${e("filter.search")}</span><${D} name="search" size="16" />
<input type="search" placeholder=${e("filter.search")} value=${o.q||""} onInput=${m=>i("q",m.target.value.trim())} /></label>
${b("provider",e("filter.provider"),Ge.value.map(({name:m})=>[m,m]))}
${b("state",e("filter.state"),Ms.map(m=>[m,e(`state.${m}`)]))}
${b("period",e("filter.period"),Object.keys(Yt).map(m=>[m,e(`filter.${m}`)]))}
${h&&s`<button type="button" class="plain small" onClick=${()=>(a({}),n&&Ze("backups"))}>${e("filter.reset")}</button>`}
<span class="muted push" role="status">${f===null?"":e("filter.count",{n:f})}</span>
</div>
<${S} error=${r.error.value} />
${f===null&&!r.error.value&&s`<div class="card"><${F} lines="6" /></div>`}
${f===0&&s`<div class="card empty"><p>${e(h&&ke.value>0?"filter.nothing":"backups.none")}</p></div>`}
${f>0&&s`<div class="card flush"><${zt} virtual label=${e("backups.grid")} total=${f} rowAt=${m=>r.rows.value.get(m)}
need=${(m,v)=>r.need(m,v)} onOpen=${m=>we("backups",m.name)} /></div>
<${O} command=${E("backups","list",...o.provider?["--provider",o.provider]:[],...o.state?["--state",o.state]:[],...o.period?["--since",o.period]:[])} />`}`}function Ks(){return s`
<div class="page-head"><div><h1 tabindex="-1">${e("nav.providers")}</h1><p class="muted">${e("providers.about")}</p></div>
<div class="page-actions"><${j} icon="plus" onClick=${()=>Ye()}>${e("provider.add")}<//><${O} command=${E("providers","list")} /></div></div>
${Et.value?s`<div class="cards large">
${oe.value.map(t=>s`<${qt} key=${t.name} provider=${t} whole />`)}
<button type="button" class="card add-card" onClick=${()=>Ye()}><${D} name="plus" size="26" /><strong>${e("provider.add")}</strong><span class="muted">${e("provider.add_about")}</span></button>
</div>`:s`<div class="card"><${F} lines="4" /></div>`}`}var Vs=t=>({...t,excludeText:(t.exclude||[]).join(", ")}),es=({excludeText:t,...n})=>{let o=t.split(",").map(r=>r.trim()).filter(Boolean),{exclude:a,...l}=n;return{...l,...n.path!==void 0?{path:n.path.trim()}:{},...o.length>0?{exclude:o}:{}}};function je({error:t}){return t?s`<${S} error=${t}>${(t.data?.problems||[]).length>0&&s`<ul>${t.data.problems.map(n=>s`<li>${n.message}${n.hint?` (${n.hint})`:""}</li>`)}</ul>`}<//>`:null}function ts(){let[t,n]=p(null),[o,a]=p("max"),[l,r]=p({}),[d,i]=p(null),[f,h]=p(!1),b=()=>{n((le("backup.sources")||[]).map(Vs)),a(le("backup.compression")||"max")};if(B(()=>{ae().then(b,i)},[]),!t)return d?s`<${S} error=${d} />`:s`<${F} />`;let m=($,y,c)=>n(t.map((_,g)=>g===$?{..._,[y]:c}:_)),v=$=>n([...t,{kind:$,path:"",excludeText:""}]);return s`<form onSubmit=${async $=>{$.preventDefault();let y={};if(t.forEach((c,_)=>c.kind!=="command"&&!c.path?.trim()&&(y[`source-${_}`]=e("field.missing",{field:e("sources.path")}))),r(y),!(Object.keys(y).length>0)){h(!0),i(null);try{await _e({"backup.sources":t.map(es),...o!==le("backup.compression")?{"backup.compression":o}:{}}),b(),R(e("settings.saved"))}catch(c){i(c),c.status===412&&ae().catch(()=>{})}h(!1)}}} novalidate>
<${J} problems=${l} />
${t.length===0&&s`<p class="empty-line">${e("sources.none")}</p>`}
<ul class="source-list">${t.map(($,y)=>s`<li key=${y}>
<span class="kind-icon"><${D} name=${$.kind==="sqlite"?"archive":$.kind==="command"?"terminal":"folder"} /></span>
<div class="source-fields">
${$.kind==="command"?s`<p><strong>${$.name}</strong><br /><code>${[].concat($.command).join(" ")}</code></p>`:s`<${xe} id=${`source-${y}`} kind=${$.kind==="sqlite"?"all":"dir"} label=${e(`sources.${$.kind}`)} placeholder=${$.kind==="sqlite"?"~/data/app.db":"~/documents"} value=${$.path} error=${l[`source-${y}`]}
choose=${c=>m(y,"path",c)} />
${$.kind==="tree"&&s`<${I} label=${e("sources.exclude")} optional placeholder="*.tmp, cache/" value=${$.excludeText} autocomplete="off" spellcheck=${!1} onInput=${c=>m(y,"excludeText",c.target.value)} />`}`}
</div>
<button type="button" class="plain icon-only" aria-label=${e("sources.remove",{path:$.path||$.name||""})} title=${e("remove")} onClick=${()=>n(t.filter((c,_)=>_!==y))}><${D} name="trash" /></button>
</li>`)}</ul>
<div class="row-actions"><${j} class="small secondary" icon="plus" onClick=${()=>v("tree")}>${e("sources.add_tree")}<//><${j} class="small secondary" icon="plus" onClick=${()=>v("sqlite")}>${e("sources.add_sqlite")}<//></div>
<${I} label=${e("sources.compression")}>${$=>s`<select ...${$} value=${o} onChange=${y=>a(y.target.value)}>${["max","balanced","store"].map(y=>s`<option value=${y}>${e(`sources.compression_${y}`)}</option>`)}</select>`}<//>
<${je} error=${d} />
<div class="form-foot"><${O} command=${E("config","set","backup.sources",JSON.stringify(t.map(es)))} /><${j} type="submit" busy=${f}>${e("save")}<//></div>
<p class="help">${Z.value&&e("settings.file",{file:Z.value.file})}</p>
</form>`}var Ws=["1h","2h","4h","6h","8h","12h","1d","2d","7d"],Hs=t=>{let[n,o]=[["d",864e5],["h",36e5],["m",6e4],["s",1e3]].find(([,a])=>t%a===0)||["s",1e3];return`${Math.round(t/o)}${n}`},Je=t=>t.split(/[\s,;]+/).filter(Boolean),Js=t=>/^([01]?\d|2[0-3]):[0-5]\d$/.test(t);function ss(){let[t,n]=p(null),[o,a]=p([]),[l,r]=p(null),[d,i]=p(""),[f,h]=p(!1),b=c=>{n({enabled:c.enabled,mode:(c.at||[]).length>0?"at":"every",every:Hs(c.every_ms),at:(c.at||[]).join(", "),catch_up:c.catch_up,on_battery:c.on_battery}),a(c.next||[])};B(()=>{N("/schedule").then(b,r)},[]);let m=c=>({enabled:c.enabled,...c.mode==="at"?{at:Je(c.at)}:{at:[],every:c.every},catch_up:c.catch_up,on_battery:c.on_battery}),v=c=>c.mode!=="at"||Je(c.at).length>0&&Je(c.at).every(Js);if(B(()=>{if(!t||!v(t))return;let c=!0,_=setTimeout(()=>P("/schedule/preview",m(t)).then(g=>c&&a(g.next),()=>{}),200);return()=>{c=!1,clearTimeout(_)}},[t?.enabled,t?.mode,t?.every,t?.at]),!t)return l?s`<${S} error=${l} />`:s`<${F} />`;let u=(c,_)=>{n({...t,[c]:_}),i("")},$=async c=>{if(c.preventDefault(),!v(t))return i(e("schedule.at_rule"));h(!0),r(null);try{b(await Pe("/schedule",m(t))),R(e(t.enabled?"schedule.saved_on":"schedule.saved_off")),G().catch(()=>{})}catch(_){r(_)}h(!1)},y=t.enabled?E("auto-sync","on",...t.mode==="at"?["--at",Je(t.at).join(",")]:["--every",t.every]):E("auto-sync","off");return s`<form onSubmit=${$} novalidate>
<${kt} label=${e("schedule.enabled")} checked=${t.enabled} onChange=${c=>u("enabled",c.target.checked)} />
<div class="two-even"><div>
<${te} legend=${e("schedule.when")} name="mode" value=${t.mode} onChange=${c=>u("mode",c)} options=${[{value:"every",label:e("schedule.every")},{value:"at",label:e("schedule.at")}]} />
${t.mode==="every"?s`<${I} label=${e("schedule.pause")} help=${e("schedule.recommended")}>${c=>s`<select ...${c} value=${t.every} onChange=${_=>u("every",_.target.value)}>
${[...new Set([...Ws,t.every])].map(_=>s`<option value=${_}>${_.replace(/^(\d+)([hdm])$/,(g,k,w)=>e(`schedule.unit_${w}`,{n:Number(k)}))}</option>`)}</select>`}<//>`:s`<${I} id="schedule-at" label=${e("schedule.times")} help=${e("schedule.times_help")} placeholder="06:00, 18:00" value=${t.at} error=${d} onInput=${c=>u("at",c.target.value)} />`}
<${H} label=${e("schedule.catch_up")} checked=${t.catch_up} onChange=${c=>u("catch_up",c.target.checked)} />
<${H} label=${e("schedule.on_battery")} checked=${t.on_battery} onChange=${c=>u("on_battery",c.target.checked)} />
</div>
<div class="next-runs"><h3>${e("schedule.next")}</h3>
${!t.enabled||o.length===0?s`<p class="muted">${e("schedule.none")}</p>`:s`<ol>${o.map(c=>s`<li><span>${bt(c)}</span><strong>${ht(c)}</strong><span class="muted">${ft(c)}</span></li>`)}</ol>`}
</div></div>
<${S} error=${l} />
<div class="form-foot"><${O} command=${y} /><${j} type="submit" busy=${f}>${e("save")}<//></div>
</form>`}var os=["keep_last","hourly","daily","weekly","monthly","yearly"],ns=["min_verified_copies","trash_days","max_delete_percent"],at=50,rs=t=>Object.fromEntries(Object.entries(t).map(([n,o])=>[n,Number(o)])),as=t=>/^\d+$/.test(String(t));function ls(){let[t,n]=p(null),[o,a]=p(null),[l,r]=p(null),[d,i]=p("");B(()=>{N("/retention").then(n,r)},[]);let f=t&&[...os,...ns].every(m=>as(t[m]));if(B(()=>{if(!f)return;let m=!0,v=setTimeout(()=>P("/retention/preview",rs(t)).then(u=>m&&(a(u),r(null)),u=>m&&r(u)),250);return()=>{m=!1,clearTimeout(v)}},[JSON.stringify(t),fe.value]),!t)return l?s`<${S} error=${l} />`:s`<${F} />`;let h=async m=>{if(f){i(m?"prune":"save"),r(null);try{if(n(await Pe("/retention",rs(t))),m){let v=await P("/retention/preview",{});a(v),await ce(({close:u})=>s`<${Gs} plan=${v} close=${u} />`)}else R(e("settings.saved"))}catch(v){r(v)}i("")}},b=m=>s`<${I} id=${`retention-${m}`} label=${e(`retention.${m}`)} inputmode="numeric" value=${t[m]} error=${as(t[m])?"":e("field.number_rule")}
onInput=${v=>n({...t,[m]:v.target.value.trim()})} />`;return s`<form onSubmit=${m=>(m.preventDefault(),h(!1))} novalidate>
<div class="number-fields">${os.map(b)}</div>
<p class="help">${e("retention.help")}</p>
<details class="more"><summary>${e("retention.guards")}</summary><div class="number-fields">${ns.map(b)}</div><p class="help">${e("retention.guards_help")}</p></details>
${o?s`<${is} plan=${o} />`:s`<${F} />`}
<${S} error=${l} />
<div class="form-foot"><${O} command=${E("backups","prune","--dry-run")} />
<${j} class="secondary" busy=${d==="prune"} disabled=${!!d||!f||!(o?.remove.length>0)} onClick=${()=>h(!0)}>${e("retention.save_prune")}<//>
<${j} type="submit" busy=${d==="save"} disabled=${!!d||!f}>${e("save")}<//></div>
</form>`}var Us=t=>Object.values(t.freed_bytes||{}).reduce((n,o)=>n+o,0);function is({plan:t}){return s`<div class="plan" aria-live="polite">
<p><strong>${t.remove.length===0?e("retention.nothing",{n:t.keep.length}):e("retention.would",{keep:t.keep.length,n:t.remove.length,bytes:L(Us(t))})}</strong></p>
${t.holds.length>0&&s`<${K} tone="warn" icon="alert"><p>${e("retention.held")}</p><ul>${t.holds.map(n=>s`<li>${n}</li>`)}</ul><//>`}
${t.remove.length>0&&s`<ul class="rows scroll" tabindex="0" aria-label=${e("retention.goes")}>${t.remove.slice(0,at).map(n=>s`<li><strong>${W(n.time)}</strong><span>${L(n.size)}</span><span class="muted">${(n.removed_because||[]).join(" · ")}</span></li>`)}
${t.remove.length>at&&s`<li class="muted">+ ${t.remove.length-at}</li>`}</ul>`}
</div>`}function Gs({plan:t,close:n}){let[o,a]=p(!1),[l,r]=p(null),[d,i]=p(!1),f=t.holds.length>0,h=async()=>{i(!0),r(null);try{let b=o?await P("/retention/preview",{force:!0}):t,{removed:m}=await P("/prune",{plan_id:b.plan_id,force:o});R(e("retention.pruned",{n:m.length})),await G().catch(()=>{}),n(!0)}catch(b){r(b),i(!1)}};return s`<${T} title=${e("retention.prune_title",{n:t.remove.length})} subtitle=${e("retention.prune_about")} close=${n} busy=${d} onSubmit=${h}
footer=${s`<button type="button" class="secondary" data-autofocus disabled=${d} onClick=${()=>n()}>${e("cancel")}</button><${j} type="submit" class="danger" busy=${d} disabled=${f&&!o}>${e("retention.prune",{n:t.remove.length})}<//>`}>
<${is} plan=${t} />
${f&&t.can_be_forced&&s`<${H} label=${e("retention.force")} checked=${o} onChange=${b=>a(b.target.checked)} />`}
<${S} error=${l} />
<${O} command=${E("backups","prune",o&&"--force")} />
<//>`}var it=["degraded","at_risk","unprotected","recovered","provider","run","damage"],Xs=it.slice(0,4),cs={json:{type:"webhook"},ntfy:{type:"webhook",style:"ntfy"},gotify:{type:"webhook",style:"gotify"},slack:{type:"webhook",style:"slack"},heartbeat:{type:"heartbeat"}},lt=t=>t.ok??t.delivered;function ds(){let[t,n]=p(null),[o,a]=p(null),[l,r]=p(""),[d,i]=p(null),[f,h]=p({}),b=()=>N("/notifications").then(n,a);if(B(()=>{b(),Z.value||ae().catch(()=>{})},[]),!t)return o?s`<${S} error=${o} />`:s`<${F} />`;let m=async g=>{a(null);try{return Z.value||await ae(),await _e(g()),await b(),R(e("settings.saved")),!0}catch(k){return a(k),!1}},v=Z.value?.list["notify.on"]?.choices,u=it.filter(g=>t.on.includes(g)||(v?.length?v:Xs).includes(g)),$=(g,k)=>m(()=>({"notify.on":it.filter(w=>w===g?k:t.on.includes(w))})),y=async g=>{g.preventDefault();let k={};/^[a-z0-9-]{1,32}$/.test(d.id)||(k["notify-id"]=e("field.name_rule")),/^https?:\/\/./.test(d.url)||(k["notify-url"]=e("notify.url_rule")),h(k),!(Object.keys(k).length>0)&&await m(()=>({"notify.targets":[...le("notify.targets")||[],{id:d.id,...cs[d.kind],url:d.url,...d.url.startsWith("http://")?{allow_plain_http:!0}:{}}]}))&&i(null)},c=g=>m(()=>({"notify.targets":(le("notify.targets")||[]).filter(k=>k.id!==g)})),_=async g=>{r(g);try{let k=await P(`/notifications/${z(g)}/test`);lt(k)!==!1?R(e("notify.delivered",{id:g})):R(e("notify.not_delivered",{id:g,why:k.error?.message||k.error||""}),"bad")}catch(k){De(k)}await b(),r("")};return s`
<fieldset class="checks"><legend>${e("notify.when")}</legend>${u.map(g=>s`<${H} label=${e(`notify.${g}`)} checked=${t.on.includes(g)} onChange=${k=>$(g,k.target.checked)} />`)}</fieldset>
<h3>${e("notify.targets")}</h3>
${t.targets.length===0&&s`<p class="empty-line">${e("notify.none")}</p>`}
<ul class="rows">${t.targets.map(g=>s`<li key=${g.id}>
<strong>${g.id}</strong><span class="tag">${g.style&&g.style!=="json"?g.style:g.type}</span><span class="muted grow">${g.place||""}</span>
${g.last?s`<${X} state=${lt(g.last)?"ok":"bad"} kind="check" small>${e(lt(g.last)?"notify.last_good":"notify.last_bad",{ago:g.last.at?ue(g.last.at):""})}<//>`:s`<span class="muted">${e("notify.never")}</span>`}
<${j} class="small secondary" busy=${l===g.id} onClick=${()=>_(g.id)}>${e("notify.test")}<//>
<button type="button" class="plain icon-only" aria-label=${e("notify.remove",{id:g.id})} title=${e("remove")} onClick=${()=>c(g.id)}><${D} name="trash" size="16" /></button>
</li>`)}</ul>
<${je} error=${o} />
${d?s`<form class="sub-form" onSubmit=${y} novalidate><${J} problems=${f} />
<div class="fields"><div class="narrow-field"><${I} label=${e("notify.kind")}>${g=>s`<select ...${g} value=${d.kind} onChange=${k=>i({...d,kind:k.target.value})}>${Object.keys(cs).map(k=>s`<option value=${k}>${e(`notify.kind_${k}`)}</option>`)}</select>`}<//></div>
<div class="wide-field"><${I} id="notify-id" label=${e("field.name")} value=${d.id} error=${f["notify-id"]} autocomplete="off" onInput=${g=>i({...d,id:g.target.value})} /></div>
<div class="whole-field"><${I} id="notify-url" label=${e("notify.url")} help=${e("notify.url_help")} placeholder="https://ntfy.example.org/backups" value=${d.url} error=${f["notify-url"]} autocomplete="off" onInput=${g=>i({...d,url:g.target.value})} /></div></div>
<div class="row-actions"><button type="submit" class="small">${e("notify.add_now")}</button><button type="button" class="small secondary" onClick=${()=>i(null)}>${e("cancel")}</button></div></form>`:s`<div class="row-actions"><${j} class="small secondary" icon="plus" onClick=${()=>i({id:"ops",kind:"json",url:""})}>${e("notify.add")}<//></div>`}
<${O} command=${E("notifications","list")} />`}function $s(){return s`<${Zs} /><${Qs} /><${eo} />`}function Zs(){let[t,n]=p({old:"",fresh:""}),[o,a]=p({}),[l,r]=p(null),[d,i]=p(!1);return s`<form class="sub-form first" onSubmit=${async h=>{h.preventDefault();let b={};if(t.old||(b["password-old"]=e("field.missing",{field:e("password.old")})),t.fresh.length<et&&(b["password-new"]=e("password.too_short",{n:et})),a(b),!(Object.keys(b).length>0)){i(!0),r(null);try{await P("/password",{old:t.old,new:t.fresh}),n({old:"",fresh:""}),R(e("password.changed"))}catch(m){r(m)}i(!1)}}} novalidate>
<h3>${e("password.title")}</h3>
<${J} problems=${o} />
<input type="text" name="username" autocomplete="username" value="admin" hidden readonly />
<div class="fields two-fields">
<div><${I} id="password-old" label=${e("password.old")} type="password" autocomplete="current-password" value=${t.old} error=${o["password-old"]} onInput=${h=>n({...t,old:h.target.value})} /></div>
<div><${I} id="password-new" label=${e("password.new")} type="password" autocomplete="new-password" value=${t.fresh} error=${o["password-new"]} onInput=${h=>n({...t,fresh:h.target.value})} /><${At} password=${t.fresh} /></div>
</div>
<${S} error=${l} />
<div class="form-foot"><${O} command=${E("admin","password")} /><${j} type="submit" class="secondary" busy=${d}>${e("password.change")}<//></div>
</form>`}function Ys(t){let n=(/(Firefox|Edg|OPR|Chrome|Safari)\//.exec((t||"").replace("HeadlessChrome","Chrome"))||[])[1],o=(/(Windows|Macintosh|Android|iPhone|iPad|Linux)/.exec(t||"")||[])[1],a={Edg:"Edge",OPR:"Opera",Macintosh:"macOS"};return n?[a[n]||n,a[o]||o].filter(Boolean).join(" · "):t||e("sessions.unknown")}function Qs(){let[t,n]=p(null),[o,a]=p(null),l=()=>N("/sessions").then(d=>n(d.sessions),a);B(()=>{l()},[]);let r=async(d,i)=>{try{await Be(d),R(i),await l()}catch(f){De(f)}};return s`<div class="sub-form"><h3>${e("sessions.title")}</h3>
<${S} error=${o} />
${!t&&!o&&s`<${F} />`}
${t&&s`<ul class="rows">${t.map(d=>s`<li key=${d.id}>
<span class="grow"><strong>${Ys(d.agent)}</strong> ${d.current&&s`<span class="tag tag-new">${e("sessions.this")}</span>`}<br /><span class="muted">${d.address} · ${e("sessions.used",{ago:ue(d.last_used)})}</span></span>
${!d.current&&s`<button type="button" class="small secondary" onClick=${()=>r(`/sessions/${z(d.id)}`,e("sessions.ended"))}>${e("sessions.end")}</button>`}
</li>`)}</ul>
${t.length>1&&s`<div class="row-actions"><button type="button" class="small secondary" onClick=${()=>r("/sessions",e("sessions.all_ended"))}>${e("sessions.end_all")}</button></div>`}`}
<${O} command=${E("admin","sessions")} /></div>`}function eo(){let[t,n]=p(null),[o,a]=p(null),[l,r]=p(null),[d,i]=p({}),[f,h]=p(null),b=()=>N("/tokens").then(u=>n(u.tokens),a);B(()=>{b()},[]);let m=async u=>{u.preventDefault();let $=l.name.trim()?{}:{"token-name":e("field.missing",{field:e("field.name")})};if(i($),!(Object.keys($).length>0)){a(null);try{h(await P("/tokens",{name:l.name.trim(),scope:l.scope,...Number(l.days)>0?{days:Number(l.days)}:{}})),r(null),await b()}catch(y){a(y)}}},v=async u=>{if(await gt({title:e("tokens.remove_title",{name:u.name}),text:e("tokens.remove_text"),yes:e("tokens.remove"),danger:!0,cli:s`<${O} command=${E("admin","tokens","remove",u.id)} />`}))try{await Be(`/tokens/${z(u.id)}`),await b()}catch($){De($)}};return s`<div class="sub-form"><h3>${e("tokens.title")}</h3><p class="muted">${e("tokens.about")}</p>
${f&&s`<${K} tone="good" icon="key"><p>${e("tokens.made",{name:f.name})}</p><p class="token-line"><code class="breakable">${f.token}</code><${ge} text=${f.token} /></p><//>`}
<${S} error=${o} />
${t?.length===0&&s`<p class="empty-line">${e("tokens.none")}</p>`}
${t?.length>0&&s`<ul class="rows">${t.map(u=>s`<li key=${u.id}>
<span class="grow"><strong>${u.name}</strong> <span class="tag">${e(`scope.${u.scope}`)}</span><br /><span class="muted">${u.last_used?e("sessions.used",{ago:ue(u.last_used)}):e("tokens.never_used")}${u.expires?` · ${e("tokens.expires",{time:W(u.expires)})}`:""}</span></span>
<button type="button" class="plain icon-only" aria-label=${e("tokens.remove_one",{name:u.name})} title=${e("remove")} onClick=${()=>v(u)}><${D} name="trash" size="16" /></button></li>`)}</ul>`}
${l?s`<form onSubmit=${m} novalidate><${J} problems=${d} /><div class="fields three-fields">
<div><${I} id="token-name" label=${e("field.name")} value=${l.name} error=${d["token-name"]} autocomplete="off" onInput=${u=>r({...l,name:u.target.value})} /></div>
<div><${I} label=${e("tokens.scope")}>${u=>s`<select ...${u} value=${l.scope} onChange=${$=>r({...l,scope:$.target.value})}>${["read","operate","admin"].map($=>s`<option value=${$}>${e(`scope.${$}`)}</option>`)}</select>`}<//></div>
<div><${I} label=${e("tokens.days")}>${u=>s`<select ...${u} value=${l.days} onChange=${$=>r({...l,days:$.target.value})}>${[30,90,365,0].map($=>s`<option value=${$}>${$===0?e("tokens.for_ever"):e("span.days_long",{n:$})}</option>`)}</select>`}<//></div>
</div><div class="row-actions"><button type="submit" class="small">${e("tokens.make")}</button><button type="button" class="small secondary" onClick=${()=>r(null)}>${e("cancel")}</button></div></form>`:s`<div class="row-actions"><${j} class="small secondary" icon="plus" onClick=${()=>(r({name:"",scope:"read",days:"90"}),h(null))}>${e("tokens.add")}<//></div>`}
<${O} command=${E("admin","tokens","add","--name",l?.name||"NAME","--scope",l?.scope||"read")} /></div>`}var to=["replication.min_replicas","replication.upload_limit","mount.dir","mount.cache_size","scrub.every","scrub.sample_percent","log.keep_days"],us=["replication.min_replicas","scrub.sample_percent","log.keep_days"],ps={"mount.close_waits_for":["all","journal"],"log.level":["debug","info","warning","error"]},so=["scrub.enabled","scrub.repair"];function ms(){let[t,n]=p({}),[o,a]=p(null),[l,r]=p(!1);B(()=>{Z.value||ae().catch(a)},[]);let d=u=>t[u]??le(u)??"",i=(u,$)=>n({...t,[u]:$}),f=u=>u.replace(".","_"),h=async u=>{u.preventDefault(),r(!0),a(null);try{let $=Object.fromEntries(Object.entries(t).map(([c,_])=>[c,_===""?null:us.includes(c)&&_!==""?Number(_):_])),y=await _e($);n({}),R(e(y.needs_new_mount?"settings.saved_new_mount":"settings.saved"))}catch($){a($),$.status===412&&ae().catch(()=>{})}r(!1)},b=u=>s`<div><${I} label=${e(`setting.${f(u)}`)} help=${Z.value.list[u]?.overridden?e("settings.overridden"):e(`setting.${f(u)}_help`)} value=${d(u)} disabled=${Z.value.list[u]?.overridden} inputmode=${us.includes(u)?"numeric":void 0} autocomplete="off" spellcheck=${!1} onInput=${$=>i(u,$.target.value)} /></div>`,m=u=>s`<div><${I} label=${e(`setting.${f(u)}`)} help=${e(`setting.${f(u)}_help`)}>${$=>s`<select ...${$} value=${d(u)} onChange=${y=>i(u,y.target.value)}>${[...new Set([...ps[u],d(u)])].map(y=>s`<option value=${y}>${y}</option>`)}</select>`}<//></div>`,v=Object.keys(t);return s`
<${te} legend=${e("setting.language")} name="language" value=${ut.value} onChange=${pt} options=${Object.entries($t).map(([u,$])=>({value:u,label:$}))} />
${Z.value?s`<form onSubmit=${h} novalidate>
<div class="fields two-fields">${to.map(b)}${Object.keys(ps).map(m)}</div>
${so.map(u=>s`<${H} label=${e(`setting.${f(u)}`)} checked=${!!d(u)} onChange=${$=>i(u,$.target.checked)} />`)}
<${je} error=${o} />
<div class="form-foot"><${O} command=${v.length>0?E("config","set",v[0],String(t[v[0]])):E("config","show")} />
<a class="button secondary" role="button" href=${`${re}/settings/download`} download><${D} name="download" size="16" /><span>${e("settings.download")}</span></a>
<${j} type="submit" busy=${l} disabled=${v.length===0}>${e("save")}<//></div>
</form>`:o?s`<${S} error=${o} />`:s`<${F} />`}
<${oo} />`}function oo(){let[t,n]=p(null),[o,a]=p(null),[l,r]=p(!1),d=async()=>{r(!0),a(null);try{n((await P("/doctor",{})).checks)}catch(i){a(i)}r(!1)};return s`<div class="sub-form"><h3>${e("doctor.title")}</h3><p class="muted">${e("doctor.about")}</p>
${t&&s`<ul class="rows" aria-live="polite">${t.map(i=>s`<li><${X} state=${i.state} kind="check" small /><strong>${i.check}</strong><span class="grow">${i.message}${i.fix?s`<br /><span class="muted">${i.fix}</span>`:""}</span></li>`)}</ul>`}
<${S} error=${o} />
<div class="form-foot"><${O} command=${E("doctor")} /><${j} class="secondary" icon="wrench" busy=${l} onClick=${d}>${e("doctor.run")}<//></div></div>`}var ct={sources:ts,schedule:ss,retention:ls,notifications:ds,security:$s,general:ms};function no(){let{detail:t}=he.value;return B(()=>{if(!ct[t])return;let n=document.getElementById(`settings-${t}`);n?.scrollIntoView({block:"start"}),n?.querySelector("h2")?.focus({preventScroll:!0})},[t]),s`
<div class="page-head"><div><h1 tabindex="-1">${e("nav.settings")}</h1><p class="muted">${e("settings.about")}</p></div></div>
<div class="settings">
<nav class="settings-nav" aria-label=${e("nav.settings")}><ul>${Object.keys(ct).map(n=>s`<li><a href=${Me("settings",n)} aria-current=${t===n?"true":void 0}>${e(`settings.${n}`)}</a></li>`)}</ul></nav>
<div class="settings-parts">${Object.entries(ct).map(([n,o])=>s`<section class="card" id=${`settings-${n}`} aria-labelledby=${`settings-${n}-title`} key=${n}>
<h2 id=${`settings-${n}-title`} tabindex="-1">${e(`settings.${n}`)}</h2><p class="muted">${e(`settings.${n}_about`)}</p><${o} /></section>`)}</div>
</div>`}export{Fs as Activity,Ls as Backups,ks as ConnectDialog,_s as ExplainDialog,Cs as HelpDialog,Ks as Providers,Ss as RestoreDialog,no as Settings,Es as SettingsDialog,tt as SignIn,Os as TaskDialog,bs as TestDialog,Is as TrustDialog};
