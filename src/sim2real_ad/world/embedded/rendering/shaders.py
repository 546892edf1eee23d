"""The shading programs. Every one writes the picture to the first target and the exact semantic id to the second."""

SURFACE_VERTEX = """#version 330
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform mat4 p3d_ModelViewMatrix;
uniform mat4 p3d_ModelMatrix;
uniform mat4 p3d_ModelMatrixInverseTranspose;
uniform vec4 p3d_ColorScale;
uniform vec3 sun_direction;
uniform vec3 sun_light;
uniform vec3 sky_light;
uniform vec3 ground_light;
uniform vec3 eye;
in vec4 p3d_Vertex;
in vec3 p3d_Normal;
in vec3 p3d_MultiTexCoord0;
in vec4 p3d_Color;
in vec4 surface;
out vec3 texture_at;
out vec3 light;
out vec3 ray;
out float gloss;
flat out float semantic_id;

void main() {
    gl_Position = p3d_ModelViewProjectionMatrix * p3d_Vertex;
    vec3 normal = normalize(mat3(p3d_ModelMatrixInverseTranspose) * p3d_Normal);
    float sun = max(dot(normal, sun_direction), 0.0);
    vec3 tint = p3d_Color.rgb * mix(vec3(1.0), p3d_ColorScale.rgb, p3d_Color.a);
    vec3 lit = sun_light * sun + mix(ground_light, sky_light, normal.z * 0.5 + 0.5);
    light = tint * mix(lit, vec3(1.0), surface.z);
    ray = (p3d_ModelMatrix * p3d_Vertex).xyz - eye;
    gloss = surface.y * (0.35 + 0.65 * max(normal.z, 0.0));
    texture_at = p3d_MultiTexCoord0;
    semantic_id = surface.x;
}
"""

SURFACE_FRAGMENT = """#version 330
uniform sampler2DArray bank;
uniform vec3 haze_colour;
uniform vec3 haze;          // density 1/m, start and 1/length of the fade before the far plane
in vec3 texture_at;
in vec3 light;
in vec3 ray;
in float gloss;
flat in float semantic_id;
layout(location = 0) out vec4 picture;
layout(location = 1) out vec4 semantic;

void main() {
    vec4 texel = texture(bank, texture_at);
    CUTOUT
    float distance2 = dot(ray, ray);
    float away = sqrt(distance2);
    vec3 colour = texel.rgb * light;
    float grazing = 1.0 - abs(ray.z) / away;
    float mirror = gloss * GLOSS_MAP * (0.15 + 0.85 * grazing * grazing * grazing * grazing);
    colour = mix(colour, haze_colour, mirror);
    colour = min(colour, colour * 0.4 + 0.42);   // a shoulder, as cameras have: highlights fade out, not clip
    float clear = exp2(-away * haze.x) * clamp(1.0 - (away - haze.y) * haze.z, 0.0, 1.0);
    picture = vec4(mix(haze_colour, colour, clear), 1.0);
    semantic = vec4(semantic_id, semantic_id, semantic_id, 1.0);
}
"""

SHADE_VERTEX = """#version 330
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform mat4 p3d_ModelMatrix;
uniform vec3 eye;
in vec4 p3d_Vertex;
in vec3 p3d_MultiTexCoord0;
in vec4 p3d_Color;
out vec2 spot;
out vec4 tint;
out vec3 ray;

void main() {
    gl_Position = p3d_ModelViewProjectionMatrix * p3d_Vertex;
    ray = (p3d_ModelMatrix * p3d_Vertex).xyz - eye;
    spot = p3d_MultiTexCoord0.xy * 2.0 - 1.0;
    tint = p3d_Color;
}
"""

SHADE_FRAGMENT = """#version 330
uniform float shade_strength;
uniform vec3 haze;
in vec2 spot;
in vec4 tint;
in vec3 ray;
layout(location = 0) out vec4 picture;
layout(location = 1) out vec4 semantic;

// Darkens what lies beneath and leaves its semantic id alone: the second target's own alpha is zero.
void main() {
    vec2 edge = clamp((1.0 - abs(spot)) * 4.0, 0.0, 1.0);
    float clear = exp2(-length(ray) * haze.x);
    picture = vec4(tint.rgb, tint.a * edge.x * edge.y * shade_strength * clear);
    semantic = vec4(0.0);
}
"""

SKY_VERTEX = """#version 330
uniform mat4 p3d_ProjectionMatrix;
uniform mat4 p3d_ViewMatrix;
in vec4 p3d_Vertex;
in vec3 p3d_MultiTexCoord0;
out vec2 texture_at;

void main() {
    vec4 position = p3d_ProjectionMatrix * vec4(mat3(p3d_ViewMatrix) * p3d_Vertex.xyz, 1.0);
    gl_Position = position.xyww;
    texture_at = p3d_MultiTexCoord0.xy;
}
"""

SKY_FRAGMENT = """#version 330
uniform sampler2D sky;
in vec2 texture_at;
layout(location = 0) out vec4 picture;
layout(location = 1) out vec4 semantic;

void main() {
    picture = vec4(texture(sky, texture_at).rgb, 1.0);
    semantic = vec4(0.0, 0.0, 0.0, 1.0);
}
"""


def surface_fragment(cutout: bool) -> str:
    """Return the surface's fragment program. The texture's alpha cuts holes, or else scales the gloss."""
    hole, gloss = ("if (texel.a < 0.5) discard;", "1.0") if cutout else ("", "texel.a")
    return SURFACE_FRAGMENT.replace("CUTOUT", hole).replace("GLOSS_MAP", gloss)
