import{$ as R,$a as ke,A as se,Aa as me,Ba as $e,Ca as ve,Da as fe,Ea as he,Ga as ge,H as u,Ha as G,I as S,Ia as g,Ja as m,K as ae,M as oe,Na as be,Pa as F,Qa as L,R as x,Ra as J,T as ne,U as X,V as _,W as ie,X as A,Y as re,Ya as ye,Za as we,_a as N,a as Q,aa as I,b as l,ba as le,bb as Se,c as v,ca as ce,cb as xe,d as Y,db as _e,eb as Ie,f as a,fb as Ce,g as ee,gb as Be,ib as Ee,ka as p,kb as T,lb as Pe,m as te,mb as Oe,na as C,oa as i,p as f,pa as h,q as k,qa as ue,r as H,ra as B,s as M,sa as de,t as D,ta as V,u as t,ua as E,va as W,wa as K,ya as Z,za as pe}from"./shared.js";function ze({title:e,about:s,children:n}){let o=Object.keys(f).find(r=>r!==k.value);return a`<main class="entry" id="main"><div class="card entry-card">
<div class="entry-brand"><${S} size="40" /><span>oracxfs</span><button type="button" class="plain small push" lang=${o} onClick=${()=>D(o)}>${f[o]}</button></div>
<h1 tabindex="-1">${e}</h1><p class="muted">${s}</p>${n}</div></main>`}var qe=e=>{let s=e.toUpperCase().replace(/[^A-Z0-9]/g,"").slice(0,8);return s.length>4?`${s.slice(0,4)}-${s.slice(4)}`:s};function De(){let[e,s]=l({code:"",password:""}),[n,o]=l({}),[r,P]=l(null),[O,b]=l(!1),j=async c=>{c.preventDefault();let d={};if(e.code.length<9&&(d["setup-code"]=t("setup.code_rule")),e.password.length<T&&(d["setup-password"]=t("password.too_short",{n:T})),o(d),!(Object.keys(d).length>0)){b(!0),P(null);try{await he(e.code,e.password)}catch(z){P(z),b(!1)}}};return a`<${ze} title=${t("setup.title")} about=${t("setup.about")}><form onSubmit=${j} novalidate>
<${R} problems=${n} />
<${A} id="setup-code" class="code-input" label=${t("setup.code")} placeholder="XXXX-XXXX" autocomplete="one-time-code" autocapitalize="characters" spellcheck=${!1} value=${e.code} error=${n["setup-code"]} help=${t("setup.code_help")} onInput=${c=>s({...e,code:c.target.value=qe(c.target.value)})} />
<${x} command=${p("admin","code")} />
<input type="text" name="username" autocomplete="username" value="admin" hidden readonly />
<${A} id="setup-password" label=${t("password.new")} type="password" autocomplete="new-password" value=${e.password} error=${n["setup-password"]} help=${t("password.rule",{n:T})} onInput=${c=>s({...e,password:c.target.value})} />
<${Pe} password=${e.password} />
<${_} error=${r}>${r?.data?.tries_left!==void 0&&a`<p>${t("setup.tries_left",{n:r.data.tries_left})}</p>`}<//>
<${I} type="submit" class="wide" busy=${O}>${t("setup.create")}<//>
</form><//>`}function Xe(){let[e,s]=l(""),[n,o]=l(!1),[r,P]=l({}),[O,b]=l(null),[j,c]=l(!1),[d,z]=l(0),Ue=Y(null);v(()=>document.getElementById("signin-password")?.focus(),[]),v(()=>{if(!d)return;let $=setInterval(()=>z(y=>y<=Date.now()?0:y+.001),500);return()=>clearInterval($)},[d>0]);let je=async $=>{$.preventDefault();let y=e?{}:{"signin-password":t("field.missing",{field:t("field.password")})};if(P(y),!(Object.keys(y).length>0)){c(!0),b(null);try{await fe(e,n)}catch(w){b(w.status===401?{...w,message:t("signin.wrong"),code:"",why:"",next:[]}:w),w.status===429&&z(Date.now()+(w.data?.retry_after_ms||5e3)),c(!1),document.getElementById("signin-password")?.select()}}},q=Math.max(0,d-Date.now());return a`<${ze} title=${t("signin.title")} about=${t("signin.about")}><form ref=${Ue} onSubmit=${je} novalidate>
${i.value?.expired&&!O&&a`<${ie}><p>${t("signin.expired")}</p><//>`}
<${R} problems=${r} />
<input type="text" name="username" autocomplete="username" value="admin" hidden readonly />
<${A} id="signin-password" label=${t("field.password")} type="password" autocomplete="current-password" value=${e} error=${r["signin-password"]} onInput=${$=>s($.target.value)} />
<${re} label=${t("signin.remember")} checked=${n} onChange=${$=>o($.target.checked)} />
<${_} error=${O}>${q>0&&a`<p>${t("signin.wait",{time:se(q)})}</p>`}<//>
<${I} type="submit" class="wide" busy=${j} disabled=${q>0}>${t("signin.enter")}<//>
<details class="more"><summary>${t("signin.forgotten")}</summary><p class="help">${t("signin.forgotten_text")}</p><${x} command=${p("admin","password")} /></details>
</form><//>`}function Ae(){v(()=>{Ce.value||Be().catch(()=>{})},[]);let e=(Ee.value||[]).length>0,s=[{key:"place",done:Z.value.length>0,run:()=>L(),cli:p("google-drive")},{key:"sources",done:e,run:()=>m("settings","sources"),cli:p("config","set","backup.sources","[…]")},{key:"first",done:(B.value||[]).length>0,blocked:!e||Z.value.length===0,run:F,cli:p("sync")},{key:"schedule",done:!!h.value?.auto_sync?.enabled,run:()=>m("settings","schedule"),cli:p("auto-sync","on","--every","6h")}],n=s.findIndex(o=>!o.done);return a`<section class="card first-steps" aria-labelledby="first-steps">
<h2 id="first-steps">${t("first.title")}</h2>
<p class="muted">${t("first.about")}</p>
<ol>
${s.map((o,r)=>a`<li class=${ee(o.done?"done":r===n?"now":"later")}>
<span class="first-mark">${o.done?a`<${u} name="check" size="16" /><span class="visually-hidden">${t("first.done")}</span>`:r+1}</span>
<div><h3>${t(`first.${o.key}`)}</h3><p class="muted">${t(`first.${o.key}_about`)}</p>
${!o.done&&a`<div class="first-do"><button type="button" class=${r===n?"":"secondary"} disabled=${o.blocked} onClick=${o.run}>${t(`first.${o.key}_do`)}</button><${x} command=${o.cli} /></div>`}</div>
</li>`)}
</ol>
</section>`}function Fe(){if(!h.value)return a`<h1 class="visually-hidden" tabindex="-1">${t("nav.overview")}</h1><div class="card"><${le} lines="4" /></div>`;let e=ue.value,s=B.value||[],n=B.value&&V.value&&s.length===0&&!W.value&&!K.value;return a`
<h1 class="visually-hidden" tabindex="-1">${t("nav.overview")}</h1>
<${ye} />
${(W.value||K.value)&&a`<${xe} />`}
${n&&a`<${Ae} />`}
${e.length>0&&a`<section aria-labelledby="overview-providers">
<div class="section-head"><h2 id="overview-providers">${t("nav.providers")}</h2>
<button type="button" class="plain small" onClick=${()=>L()}><${u} name="plus" size="16" /><span>${t("provider.add")}</span></button></div>
<div class="cards">${e.map(o=>a`<${Ie} key=${o.name} provider=${o} />`)}</div>
</section>`}
${s.length>0&&a`
<section aria-labelledby="overview-copies">
<div class="section-head"><h2 id="overview-copies">${t("copies.title")} <span class="section-caption">${t("copies.caption")}</span></h2>
<a href=${g("backups")}>${t("copies.all",{n:de.value})}<${u} name="chevron" size="15" /></a></div>
<div class="card flush"><${Se} label=${t("copies.title")} total=${s.length} rowAt=${o=>s[o]} onOpen=${o=>m("backups",o.name)} /></div>
</section>
<div class="two">
<section aria-labelledby="overview-timeline">
<div class="section-head"><h2 id="overview-timeline">${t("timeline.title")}</h2></div>
<div class="card"><${_e} runs=${V.value||[]} /></div>
</section>
<section aria-labelledby="overview-activity">
<div class="section-head"><h2 id="overview-activity">${t("nav.activity")}</h2><a href=${g("activity")}>${t("activity.all")}<${u} name="chevron" size="15" /></a></div>
<div class="card flush"><ol class="events short">${(E.value||[]).slice(0,5).map(o=>a`<${we} key=${o.seq} event=${o} brief />`)}</ol></div>
</section>
</div>`}`}var[He,Me,Re,Ve,We]=["Activity","Backups","Providers","Settings","SignIn"].map(Oe),Ke={overview:Fe,providers:Re,backups:Me,activity:He,settings:Ve},Ze={overview:"home",providers:"cloud",backups:"archive",activity:"activity",settings:"sliders"};async function Ge(){try{await te("/session"),$e({...i.value,signed_in:!1})}catch(e){ne(e)}}function Le({className:e}){return a`<nav class=${e} aria-label=${t("nav.label")}><ul>${ge.map(s=>a`<li><a href=${g(s)} aria-current=${G.value.page===s?"page":void 0}><${u} name=${Ze[s]} size="18" /><span>${t(`nav.${s}`)}</span></a></li>`)}</ul></nav>`}function Je(){let e=Object.keys(f).find(s=>s!==k.value);return a`<header class="top"><div class="top-inside">
<a class="brand" href=${g("overview")}><${S} size="28" /><span class="brand-name">oracxfs</span>${i.value.instance&&a`<span class="brand-host" title=${t("nav.host")}>${i.value.instance}</span>`}</a>
<${Le} className="nav" />
<div class="top-tools">
${C.value!=="off"&&C.value!=="live"&&a`<span class=${`connection ${C.value}`} role="status"><span class="dot"></span><span>${t(`connection.${C.value}`)}</span></span>`}
<button type="button" class="plain tool" lang=${e} title=${f[e]} aria-label=${`${e.toUpperCase()} – ${f[e]}`} onClick=${()=>D(e)}>${e.toUpperCase()}</button>
<button type="button" class="plain tool icon-only" aria-label=${t(N.value?"theme.light":"theme.dark")} title=${t(N.value?"theme.light":"theme.dark")} onClick=${ke}><${u} name=${N.value?"sun":"moon"} /></button>
<${ce} label=${t("nav.account")} icon="user" class="plain tool" items=${[{label:t("settings.security"),icon:"lock",run:()=>m("settings","security")},{label:t("keys.title"),icon:"keyboard",run:J},{label:t("nav.sign_out"),icon:"logout",run:Ge}]} />
</div>
</div></header>`}function Ne(e=100){let s=document.querySelector("main h1");s?s.focus({preventScroll:!0}):e>0&&setTimeout(()=>Ne(e-1),50)}function U(){let{page:e}=G.value,s=Ke[e];return v(()=>{document.title=`${t(`nav.${e}`)} · oracxfs`,U.page&&U.page!==e&&(scrollTo(0,0),Ne()),U.page=e},[e,k.value]),a`<a class="skip" href="#main" onClick=${n=>(n.preventDefault(),document.querySelector("main h1")?.focus())}>${t("nav.skip")}</a>
<${Je} />
<main id="main" class=${`page-${e}`}><${s} key=${e} /></main>
<${Le} className="bottom-nav" />`}function Qe(){let e=i.value;return e?e.failed?a`<main class="entry"><div class="card entry-card"><div class="entry-brand"><${S} size="40" /><span>oracxfs</span></div><h1>${t("start.failed")}</h1><${_} error=${e.failed} /><${I} onClick=${Te}>${t("start.again")}<//></div></main>`:e.setup_required?a`<${De} /><${X} />`:e.signed_in?a`<${U} /><${oe} /><${X} />`:a`<${Xe} /><${X} />`:null}async function Ye(){i.value?.signed_in&&E.value===null&&(E.value=await me({}).then(e=>e.list,()=>[]))}function et(){let e=/^#oauth=([\w.~-]+)$/.exec(location.hash)?.[1];e&&(m("providers"),ae(({close:s})=>a`<${We} attempt=${{state:e}} title=${t("signin.coming_back")} type="" done=${()=>(pe().catch(()=>{}),s())} close=${s} />`))}async function Te(){let e=location.hash.startsWith("#oauth=");try{await ve(),await M(H(i.value.language))}catch(s){await M(H()),i.value={failed:s}}e&&i.value.signed_in&&et()}i.subscribe(()=>{Ye()});be({help:J,sync:()=>i.value?.signed_in&&h.value&&F()});await Te();Q(a`<${Qe} />`,document.getElementById("app"));
