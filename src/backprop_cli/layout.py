"""Interim."""
from typing import NamedTuple
class Route(NamedTuple):
    path: str
    label: tuple
class Layout(NamedTuple):
    positions: list
    routes: list
    width: float
    height: float
def place(sizes, arrows, *, direction="LR"):
    n=len(sizes); layer=[0]*n
    for s,t in sorted(arrows,key=lambda a:a[1]): layer[t]=max(layer[t],layer[s]+1)
    for i in range(n):
        if not any(t==i for s,t in arrows):
            ts=[layer[t] for s,t in arrows if s==i]
            if ts: layer[i]=min(ts)-1
    y={}; pos=[]
    for i in range(n):
        k=layer[i]; y[k]=y.get(k,20); pos.append((20+k*270.,float(y[k]))); y[k]+=100
    routes=[]
    for s,t in arrows:
        x1=pos[s][0]+sizes[s][0]; y1=pos[s][1]+sizes[s][1]/2
        x2=pos[t][0]; y2=pos[t][1]+sizes[t][1]/2
        routes.append(Route(f"M{x1} {y1}C{x1+40} {y1} {x2-40} {y2} {x2} {y2}",(x2-35,(y1*.2+y2*.8)-6)))
    return Layout(pos,routes,20+270.*(max(layer)+1),max(y.values())+20)
